import { readFile } from 'node:fs/promises';
import { usageError } from '../command-error.ts';
import { parseDatabaseUrl, type SaharaDatabase } from './database-url.ts';

export const urlVariable = 'WADI_SAHARA_DATABASE';
const usualFile = '/etc/sahara/sahara.conf';

/** From the file, else from the environment. Never from an argument, which other users of this computer can see. */
export async function findDatabase(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<SaharaDatabase> {
  const url = env[urlVariable];
  if (file === undefined && url) return parseDatabaseUrl(url, urlVariable);
  const path = file ?? usualFile;
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (file === undefined && error.code === 'ENOENT')
      throw usageError(
        'nothing says where the database of Sahara is',
        `Name Sahara's configuration with --sahara-config FILE, or set ${urlVariable}.`,
      );
    throw usageError(`cannot read ${path}: ${error.code}`);
  });
  const connection = connectionOf(text);
  if (connection === undefined)
    throw usageError(
      `${path} has no "connection" in its section [database]`,
      'It is the file that sahara-api and sahara-engine are started with.',
    );
  return parseDatabaseUrl(connection, `${path}, [database] connection`);
}

/** The form of oslo.config: the last one of a name counts, lines that begin with white space go on. */
export function connectionOf(text: string): string | undefined {
  let section = 'DEFAULT';
  let found: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const [, name] = /^\[([^\]]*)\]/.exec(line) ?? [];
    if (name !== undefined) section = name.trim();
    const [, value] = /^connection\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (section === 'database' && value !== undefined) found = value.replace(/^(["'])(.*)\1$/, '$2');
  }
  return found === '' ? undefined : found;
}
