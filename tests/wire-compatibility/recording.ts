import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./recorded/', import.meta.url));

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Recorded {
  readonly name: string;
  readonly request: Request;
  /** Ids that the recorded server gave to what this request made. */
  readonly creates?: readonly string[];
  readonly response?: { readonly status: number; readonly body: unknown };
}

/** Every request in the order of the recording; those whose answers were kept have a response. */
export function readRecording(): Recorded[] {
  const answers = new Map(
    readdirSync(folder)
      .filter((file) => !file.startsWith('_'))
      .map((file) => [file.replace(/\.json$/, ''), readJson(file) as Recorded]),
  );
  return (readJson('_sequence.json') as Recorded[]).map((entry) => {
    const response = answers.get(entry.name)?.response;
    return response ? { ...entry, response } : entry;
  });
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
}

/** v1.1 in the words of v2: what was recorded for the one is as good for the other. */
export function inV2(recorded: Recorded): Recorded {
  const { request, response } = recorded;
  if (!request.path.startsWith('/v1.1/')) return recorded;
  const target = request.path.replace(/^\/v1\.1\/[^/]+/, '/v2').replace('/clusters/multiple', '/clusters');
  const updates = /-templates\//.test(target) && request.method === 'PUT';
  return {
    ...recorded,
    request: {
      ...request,
      path: target.replace('hadoop_version', 'plugin_version'),
      method: updates ? 'PATCH' : request.method,
      body: renamed(request.body),
    },
    ...(response && { response: { status: response.status, body: renamed(response.body) } }),
  };
}

const newNames = new Map([
  ['hadoop_version', 'plugin_version'],
  ['tenant_id', 'project_id'],
]);

function renamed(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll("'hadoop_version'", "'plugin_version'");
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [newNames.get(key) ?? key, renamed(item)]),
  );
}
