import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ImportedIdentity } from '@wadi/api';
import { usageError } from './command-error.ts';

/** Reads a private key; asks for its passphrase where it has one. */
export async function readIdentity(file: string): Promise<ImportedIdentity> {
  const privateKey = await read(file);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(privateKey)) {
    throw usageError(
      `${file} holds no private key`,
      file.endsWith('.pub') ? `Name the private one: ${file.slice(0, -4)}` : undefined,
    );
  }
  if (!isEncrypted(privateKey)) return { private_key: privateKey };
  return { private_key: privateKey, passphrase: await ask(`Passphrase of ${file}: `, file) };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`cannot read the key file ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** PEM says so in words; OpenSSH's own format names its cipher after the magic (PROTOCOL.key). */
export function isEncrypted(privateKey: string): boolean {
  if (/ENCRYPTED/.test(privateKey)) return true;
  const [, base64] = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(privateKey) ?? [];
  if (base64 === undefined) return false;
  const blob = Buffer.from(base64, 'base64');
  const magic = 'openssh-key-v1\0';
  // Cut off: the controller will say what is wrong with it.
  if (blob.length < magic.length + 4) return false;
  if (blob.subarray(0, magic.length).toString('latin1') !== magic) return false;
  const cipher = blob.subarray(magic.length + 4, magic.length + 4 + blob.readUInt32BE(magic.length));
  return cipher.toString('latin1') !== 'none';
}

async function ask(question: string, file: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw usageError(`${file} is protected by a passphrase, and there is no terminal to ask for it`);
  }
  process.stderr.write(question);
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silence, terminal: true });
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', resolve);
      terminal.once('SIGINT', () => reject(usageError('no passphrase given')));
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
