import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from './config.ts';
import { createSecretFile } from './storage/secret-file.ts';

/** The files that a controller keeps; others find the token and the endpoint here. */
export interface DataDirectory {
  readonly path: string;
  /** The token of the first project's admin, made at first start. */
  readonly token: string;
  /** Tells where the API is, while it is. */
  publishEndpoint(url: string): void;
  removeEndpoint(): void;
}

const known = ['master.key', 'token', 'controller.lock', 'postgres', 'postgres.log', 'wadi.log'];

export function openDataDirectory(directory: string): DataDirectory {
  ensureDirectory(directory);
  const tokenFile = path.join(directory, 'token');
  createSecretFile(tokenFile, () => `wadi_${randomBytes(32).toString('base64url')}\n`);
  const token = readFileSync(tokenFile, 'utf8').trim();
  if (!/^[\x21-\x7e]{20,200}$/.test(token))
    throw new ConfigError(`${tokenFile} does not hold a token: remove it to get a new one`);
  const endpoint = path.join(directory, 'endpoint');
  return {
    path: directory,
    token,
    publishEndpoint: (url) => writeFileSync(endpoint, `${url}\n`, { mode: 0o600 }),
    removeEndpoint: () => rmSync(endpoint, { force: true }),
  };
}

function ensureDirectory(directory: string): void {
  let created: string | undefined;
  try {
    created = mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ConfigError(`data directory ${directory}: ${(error as Error).message}`);
  }
  const { uid, mode } = statSync(directory);
  const own = process.getuid?.();
  if (own !== undefined && uid !== own)
    throw new ConfigError(`data directory ${directory} belongs to another user (uid ${uid})`);
  const names = readdirSync(directory);
  if (!created && names.length > 0 && !names.some((name) => known.includes(name)))
    throw new ConfigError(
      `${directory} is not empty and no data directory of Wadi: name another one with --data`,
    );
  // The database's user, which is not root, must pass; what is private in here has permissions of its own.
  const wanted = own === 0 ? 0o711 : 0o700;
  if (created || (mode & 0o077 & ~wanted) !== 0) chmodSync(directory, wanted);
}
