import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestScript, downloadScript } from './download-scripts.ts';
import {
  removeUploadScript,
  sweepUploadsScript,
  TARGET_CHANGED,
  uploadScript,
  WRONG_DIGEST,
} from './upload-scripts.ts';

const shells = ['/bin/dash', '/bin/bash', '/bin/busybox', '/bin/ksh', '/bin/zsh'].filter(existsSync);
const id = '0b7c2e5e-6a4f-4c5e-9d43-1f1f5d2b9a10';
const content = Buffer.from([...Array(70_000).keys()].map((n) => n % 251));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** Root's uploads lie in a place of the whole system, so nobody is root here. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

describe.each(shells)('under %s', (shell) => {
  let home: string;
  let file: string;
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'wadi-uploads-'));
    if (nobody.uid) chownSync(home, nobody.uid, nobody.gid);
    file = path.join(home, 'file');
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const argvOf = (script: string, parameters: readonly string[]) => [
    ...(shell.endsWith('busybox') ? ['sh'] : []),
    ...['-c', script, 'test', ...parameters],
  ];
  const options = () => ({ cwd: home, env: { ...process.env, HOME: home }, ...nobody });
  function sh(script: string, parameters: readonly string[], input: string | Buffer = '') {
    const ran = spawnSync(shell, argvOf(script, parameters), { ...options(), input });
    return { status: ran.status, stdout: ran.stdout, stderr: ran.stderr.toString() };
  }
  const words = (to: string, whole: Buffer, mode = '') => [
    ...[id, to, String(whole.length), sha256(whole), mode],
    '.wadi-temporary',
  ];
  function upload(to: string, offset: number, bytes: Buffer, { mode = '', whole = content } = {}) {
    const ran = sh(
      uploadScript,
      words(to, whole, mode),
      Buffer.concat([Buffer.from(`take ${offset}\n`), bytes]),
    );
    return { ...ran, said: ran.stdout.toString().trim().split('\n') };
  }
  const place = () => path.join(home, '.wadi/transfers', id);
  const modeOf = (name: string) => (statSync(name).mode & 0o7777).toString(8);

  test('a look takes no mode from what is just being put in its place, and goes on with what it could not read', () => {
    expect(upload(file, 0, content.subarray(0, 100)).said).toEqual(['at 0', 'at 100']);
    const data = path.join(place(), 'data');
    chmodSync(data, 0o644);
    expect(sh(uploadScript, words(file, content)).stdout.toString()).toBe('at 100\n');
    expect(modeOf(data)).toBe('644');
    chmodSync(data, 0o040);
    expect(upload(file, 100, content.subarray(100)).said).toEqual(['at 100', 'done']);
    expect(modeOf(file)).toBe('644');
  });

  test('goes on at any byte, and the last one puts the file in its place', () => {
    expect(upload(file, 0, content.subarray(0, 33_333)).said).toEqual(['at 0', 'at 33333']);
    expect(existsSync(file)).toBe(false);
    expect([modeOf(place()), modeOf(path.join(place(), 'data'))]).toEqual(['700', '600']);
    expect(upload(file, 33_333, content.subarray(33_333, 33_334)).said).toEqual(['at 33333', 'at 33334']);
    const last = upload(file, 33_334, content.subarray(33_334));
    expect(last).toMatchObject({ status: 0, stderr: '', said: ['at 33334', 'done'] });
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(modeOf(file)).toBe('644');
    // Once more, by somebody who did not hear of the end.
    expect(upload(file, 0, Buffer.alloc(0)).said).toEqual(['done']);
    expect(sh(removeUploadScript, [id]).status).toBe(0);
    expect(readdirSync(path.join(home, '.wadi/transfers'))).toEqual([]);
    expect(readdirSync(home).sort()).toEqual(['.wadi', 'file']);
  });

  test('bytes that come twice are written once', () => {
    upload(file, 0, content.subarray(0, 50_000));
    expect(upload(file, 20_000, content.subarray(20_000)).said).toEqual(['at 50000', 'done']);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  test('a shell that still writes what its lost connection had brought spoils nothing', async () => {
    const old = spawn(shell, argvOf(uploadScript, words(file, content)), options());
    old.stdin.write('take 0\n');
    old.stdin.write(content.subarray(0, 10_000));
    await new Promise((resolve) => old.stdout.once('data', resolve));
    expect(upload(file, 0, content.subarray(0, 30_000)).said.at(-1)).toBe('at 30000');
    const over = new Promise((resolve) => old.once('close', resolve));
    old.stdin.end(content.subarray(10_000, 20_000));
    await over;
    expect(upload(file, 30_000, content.subarray(30_000)).said).toEqual(['at 30000', 'done']);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  test('an empty file is put in its place too', () => {
    expect(upload(file, 0, Buffer.alloc(0), { whole: Buffer.alloc(0) }).said).toEqual(['at 0', 'done']);
    expect(readFileSync(file)).toHaveLength(0);
  });

  test('mode and content of the old file: the mode stays unless another is asked for', () => {
    writeFileSync(file, 'old', { mode: 0o640 });
    if (nobody.uid) chownSync(file, nobody.uid, nobody.gid);
    expect(upload(file, 0, content)).toMatchObject({ status: 0, stderr: '' });
    expect(modeOf(file)).toBe('640');
    sh(removeUploadScript, [id]);
    upload(file, 0, content, { mode: '400' });
    expect(modeOf(file)).toBe('400');
  });

  test('other bytes than announced are refused, and nothing is left of them', () => {
    const other = Buffer.from(content);
    other[60_000] = (other[60_000] as number) ^ 1;
    expect(upload(file, 0, other)).toMatchObject({ status: WRONG_DIGEST, said: ['at 0'] });
    expect(existsSync(file)).toBe(false);
    expect(existsSync(place())).toBe(false);
  });

  test('a target that somebody else changed meanwhile is not replaced', () => {
    writeFileSync(file, 'old');
    if (nobody.uid) chownSync(file, nobody.uid, nobody.gid);
    upload(file, 0, content.subarray(0, 5));
    writeFileSync(file, 'changed by somebody else');
    expect(upload(file, 5, content.subarray(5))).toMatchObject({ status: TARGET_CHANGED });
    expect(readFileSync(file, 'utf8')).toBe('changed by somebody else');
    expect(existsSync(place())).toBe(false);
    expect(readdirSync(home).sort()).toEqual(['.wadi', 'file']);
  });

  test('an end that was cut off at any step is made up for', () => {
    upload(file, 0, content.subarray(0, 69_999));
    // Between the rename and the note of it; then the same where the file had to be copied.
    writeFileSync(path.join(place(), 'data'), content);
    linkSync(path.join(place(), 'data'), file);
    expect(upload(file, 0, Buffer.alloc(0)).said).toEqual(['done']);
    rmSync(place(), { recursive: true });
    rmSync(file);
    upload(file, 0, content.subarray(0, 69_999));
    writeFileSync(file, content);
    if (nobody.uid) chownSync(file, nobody.uid, nobody.gid);
    expect(upload(file, 69_999, content.subarray(69_999)).said).toEqual(['at 69999', 'done']);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  test.each([
    ['a directory', (name: string) => mkdirSync(name), 'file', 'Is a directory'],
    [
      'a pipe',
      (name: string) => void spawnSync('sh', ['-c', 'mkfifo "$1"', 'sh', name]),
      'file',
      'Not a regular file',
    ],
    ['in a directory that is not there', () => {}, 'none/file', 'No such file'],
    ['in a directory of others', () => {}, '/etc/wadi-file', 'Permission denied'],
  ])('a target that is %s is refused before a byte is sent', (_, prepare, name, words) => {
    const target = path.resolve(home, name);
    prepare(target);
    const { status, stderr } = upload(target, 0, content);
    expect([status, stderr]).toEqual([1, expect.stringContaining(words)]);
  });

  test('a link is followed to the target, but never to what is kept of an upload', () => {
    mkdirSync(path.join(home, 'there'));
    if (nobody.uid) chownSync(path.join(home, 'there'), nobody.uid, nobody.gid);
    symlinkSync('there/real', file);
    expect(upload(file, 0, content).stderr).toBe('');
    expect(readFileSync(path.join(home, 'there/real')).equals(content)).toBe(true);
    sh(removeUploadScript, [id]);

    const victim = path.join(home, 'victim');
    writeFileSync(victim, 'precious');
    upload(file, 0, content.subarray(0, 5));
    rmSync(path.join(place(), 'data'));
    symlinkSync(victim, path.join(place(), 'data'));
    expect(upload(file, 5, content.subarray(5))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('tampered'),
    });
    rmSync(place(), { recursive: true });
    const trap = mkdtempSync(path.join(home, 'trap-'));
    if (nobody.uid) chownSync(trap, nobody.uid, nobody.gid);
    symlinkSync(trap, place());
    upload(file, 0, content.subarray(0, 5));
    expect(readdirSync(trap)).toEqual([]);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    rmSync(`/var/tmp/.wadi-transfers-${nobody.uid ?? process.getuid?.()}/${id}`, {
      recursive: true,
      force: true,
    });
  });

  test('what nobody went on with for days is swept, the rest stays', () => {
    upload(file, 0, content.subarray(0, 5));
    const recent = path.join(home, '.wadi/transfers', id.replace('0', '1'));
    mkdirSync(recent);
    utimesSync(place(), 1e9, 1e9);
    expect(sh(sweepUploadsScript, ['7']).status).toBe(0);
    expect([existsSync(place()), existsSync(recent)]).toEqual([false, true]);
  });

  test('a download begins at any byte, and fails when the file changed meanwhile', async () => {
    writeFileSync(file, content);
    const { stdout } = sh(downloadScript, [file], '33333 5\n');
    const head = stdout.indexOf(10) + 1;
    expect(stdout.subarray(0, head).toString()).toMatch(/^70000 \S.*\n$/);
    expect(stdout.subarray(head).equals(content.subarray(33_333, 33_338))).toBe(true);
    const child = spawn(shell, argvOf(downloadScript, [file]), options());
    await new Promise((resolve) => child.stdout.once('data', resolve));
    writeFileSync(file, 'another');
    const over = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end('0 70000\n');
    expect(await over).toBe(TARGET_CHANGED);
  });

  test('the digest of a file, and what is none', () => {
    writeFileSync(file, content);
    expect(sh(digestScript, [file]).stdout.toString().split('\n')[1]).toBe(sha256(content));
    expect(sh(digestScript, [home]).stderr).toContain('Is a directory');
    expect(sh(downloadScript, [`${file}-none`])).toMatchObject({
      status: expect.toSatisfy((n: number) => n > 0),
    });
    chmodSync(file, 0);
    if (nobody.uid) expect(sh(digestScript, [file]).stderr).toContain('Permission denied');
  });
});
