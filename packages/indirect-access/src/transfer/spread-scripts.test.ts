import { spawn, spawnSync } from 'node:child_process';
import { createCipheriv, createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NO_LANGUAGE, serveScript, serveWords } from './spread-scripts.ts';
import { uploadScript } from './upload-scripts.ts';

/** Root's uploads lie in a place of the whole system, so nobody is root here. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const tools = [
  ...[
    'sh',
    'cat',
    'chmod',
    'cut',
    'dd',
    'id',
    'ln',
    'ls',
    'mkdir',
    'mv',
    'openssl',
    'readlink',
    'rm',
    'rmdir',
  ],
  ...['sed', 'sha256sum', 'stat', 'sync', 'touch'],
];
const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');
const token = 'a'.repeat(48);
const key = 'b'.repeat(64);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-spread-'));
  if (nobody.uid) chownSync(folder, nobody.uid, nobody.gid);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A PATH with the usual tools and a few more. */
function pathWith(...more: readonly string[]): string {
  const bin = mkdtempSync(path.join(folder, 'bin-'));
  chmodSync(bin, 0o755);
  for (const name of [...tools, ...more]) {
    const found = ['/usr/bin', '/bin'].map((place) => path.join(place, name)).find(existsSync);
    if (found) symlinkSync(found, path.join(bin, name));
  }
  return bin;
}

function encrypted(): Buffer {
  const salt = randomBytes(8);
  const derived = pbkdf2Sync(key, salt, 10_000, 48, 'sha256');
  const cipher = createCipheriv('aes-256-ctr', derived.subarray(0, 32), derived.subarray(32));
  return Buffer.concat([Buffer.from('Salted__'), salt, cipher.update(content)]);
}

async function serve(language: string) {
  const bytes = encrypted();
  const argv = [
    '-c',
    serveScript,
    'wadi-spread',
    ...serveWords,
    '127.0.0.1',
    '0',
    String(bytes.length),
    '60',
  ];
  const child = spawn('/bin/sh', argv, { env: { PATH: pathWith(language) } });
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.stdin.write(Buffer.concat([Buffer.from(`${token}\n`), bytes]));
  const said = await new Promise<string>((resolve) =>
    child.stdout.once('data', (text) => resolve(String(text))),
  );
  const stop = () => {
    child.stdin.end();
    return ended;
  };
  return { port: Number(/^port (\d+)\n$/.exec(said)?.[1]), stop };
}

const languages = ['python3', 'perl'].filter((name) => existsSync(`/usr/bin/${name}`));
const pairs = languages.flatMap((server) =>
  ['bash', ...languages].map((client) => [server, client] as const),
);

it.each(pairs)('what a proxy serves by %s a machine fetches by %s', async (server, client) => {
  const { port, stop } = await serve(server);
  const file = path.join(folder, 'file');
  const id = '0b7c2e5e-6a4f-4c5e-9d43-1f1f5d2b9a10';
  const words = [id, file, String(content.length), sha256, '', '.wadi-temporary'];
  const input = `pull 0 ${content.length} ${sha256} 127.0.0.1 ${port} ${token} ${key}\n`;
  const env = { HOME: folder, PATH: pathWith(client) };
  const ran = spawnSync('/bin/sh', ['-c', uploadScript, 'wadi-upload', ...words], { input, env, ...nobody });
  expect([ran.stdout.toString(), ran.stderr.toString()]).toEqual(['at 0\ndone\n', '']);
  expect(readFileSync(file).equals(content)).toBe(true);
  expect(await stop()).toBe(0);
});

it('a proxy without any of the languages says so by its exit status', () => {
  const argv = ['-c', serveScript, 'wadi-spread', ...serveWords, '127.0.0.1', '0', '1', '60'];
  expect(spawnSync('/bin/sh', argv, { env: { PATH: pathWith() } }).status).toBe(NO_LANGUAGE);
});
