import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Static, Type } from 'typebox';
import { Errors } from 'typebox/value';

const text = Type.String({ minLength: 1 });
const whole = Type.Integer({ minimum: 0 });
const closed = { additionalProperties: false };

const TestCloudFile = Type.Object(
  {
    images: Type.Array(
      Type.Object(
        {
          id: text,
          name: text,
          size: whole,
          minDisk: whole,
          minRam: whole,
          created: text,
          updated: text,
        },
        closed,
      ),
    ),
    flavors: Type.Array(Type.Object({ id: text, name: text, ram: whole, vcpus: whole, disk: whole }, closed)),
    networks: Type.Array(Type.Object({ id: text, name: text, external: Type.Boolean() }, closed)),
    keyPairs: Type.Array(text),
    securityGroups: Type.Array(text),
    volumeTypes: Type.Array(text),
    zones: Type.Object({ machines: Type.Array(text), volumes: Type.Array(text) }, closed),
    quotas: Type.Object(
      {
        RAM: whole,
        VCPU: whole,
        instance: whole,
        'floating ip': whole,
        'security group': whole,
        'security group rule': whole,
        port: whole,
        volume: whole,
        'volume storage': whole,
      },
      closed,
    ),
    tokens: Type.Array(
      Type.Object({ token: text, project: text, role: Type.Enum(['reader', 'member', 'admin']) }, closed),
    ),
    plugins: Type.String({ minLength: 1, description: 'A folder, from where this file lies.' }),
  },
  closed,
);

export type TestCloud = Static<typeof TestCloudFile>;

/** What is offered to tests; `plugins` becomes absolute. */
export function readTestCloud(file: string): TestCloud {
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const problems = Errors(TestCloudFile, content).map(
    ({ instancePath, message }) => `${instancePath || '/'} ${message}`,
  );
  if (problems.length > 0) throw new Error(`${file}: ${problems.join('; ')}`);
  const cloud = content as TestCloud;
  return { ...cloud, plugins: path.resolve(path.dirname(file), cloud.plugins) };
}
