import { readFileSync, statSync } from 'node:fs';
import { type Static, Type } from 'typebox';
import { Errors } from 'typebox/value';
import { parse } from 'yaml';
import type { KeystoneCredential } from './keystone-client.ts';

const Text = Type.String({ minLength: 1 });
const CredentialFile = Type.Object(
  {
    username: Text,
    password: Text,
    project: Text,
    user_domain: Type.Optional(Text),
    project_domain: Type.Optional(Text),
  },
  { additionalProperties: false },
);

/** Reads the service user's credential: YAML or JSON, for its owner only. Domains are named `Default` unless said. */
export function readKeystoneCredential(file: string): KeystoneCredential {
  if ((statSync(file).mode & 0o077) !== 0)
    throw new Error(`${file} holds a password and may be read by others: chmod 600 it`);
  const content: unknown = parse(readFileSync(file, 'utf8'));
  const [problem] = Errors(CredentialFile, content);
  // Its message names the field, not what is in it.
  if (problem) throw new Error(`${file}: ${problem.instancePath.slice(1) || 'the file'} ${problem.message}`);
  const given = content as Static<typeof CredentialFile>;
  return { user_domain: 'Default', project_domain: 'Default', ...given };
}
