import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { direct, eventually, processesWith, TestBed, through } from '../test-access.ts';
import type { TestSshd } from '../test-sshd.ts';

const bed = new TestBed();
let machine: TestSshd;
let proxy: TestSshd;
let folder: string;
const content = randomBytes(5_000_000);
const sha256 = createHash('sha256').update(content).digest('hex');

beforeAll(async () => {
  [machine, proxy] = await Promise.all([bed.sshd('machine'), bed.sshd('proxy')]);
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-transfers-'));
});
afterEach(async () => {
  await bed.reset();
  rmSync(folder, { recursive: true });
});
afterAll(() => bed.stop());

const routeThroughProxy = () => through(proxy.machine({ id: 'proxy', name: 'proxy' }), machine.machine());
const spec = () => ({
  id: randomUUID() as string,
  path: path.join(folder, 'file'),
  size: content.length,
  sha256,
});

describe('an upload', () => {
  it('goes on by another route where the lost one had come to', async () => {
    const wanted = spec();
    const first = bed.access({ replaceLost: false });
    const channel = await first.transfers(routeThroughProxy()).openUpload(wanted);
    expect(channel.state).toEqual({ offset: 0, done: false });
    channel.begin(0);
    await channel.write(content.subarray(0, 2_000_000));
    await first.close();
    await expect(channel.end()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });

    const transfers = bed.access().transfers(direct(machine.machine()));
    const next = await transfers.openUpload(wanted);
    const { offset } = next.state;
    expect(offset).toBeLessThanOrEqual(2_000_000);
    next.begin(offset);
    await next.write(content.subarray(offset));
    expect(await next.end()).toEqual({ offset: content.length, done: true });
    expect(readFileSync(wanted.path).equals(content)).toBe(true);
    await transfers.removeUpload(wanted.id);
    expect(await eventually(() => processesWith('wadi-upload').length === 0)).toBe(true);
  });

  it('that nobody goes on with leaves nothing once it is removed', async () => {
    const wanted = spec();
    const transfers = bed.access().transfers(direct(machine.machine()));
    const channel = await transfers.openUpload(wanted);
    channel.begin(0);
    await channel.write(content.subarray(0, 1000));
    expect(await channel.end()).toEqual({ offset: 1000, done: false });
    await transfers.removeUpload(wanted.id);
    expect((await transfers.openUpload(wanted)).state.offset).toBe(0);
    await transfers.removeUpload(wanted.id);
    expect(existsSync(wanted.path)).toBe(false);
  });

  it.each([
    ['other bytes than were announced', { sha256: '0'.repeat(64) }, 'WRONG_DIGEST'],
    ['a directory that is not there', { path: '/nowhere/file' }, 'FILE_NOT_FOUND'],
    ['a directory as its target', { path: '/tmp' }, 'FILE_FAILED'],
    ['a path that is none', { path: 'folder/' }, 'INVALID_ARGUMENT'],
    ['an id that is none', { id: '../..' }, 'INVALID_ARGUMENT'],
  ])('with %s is refused', async (_, change, code) => {
    const wanted = { ...spec(), ...change };
    const transfers = bed.access().transfers(direct(machine.machine()));
    const refused = transfers.openUpload(wanted).then(async (channel) => {
      channel.begin(0);
      await channel.write(content);
      await channel.end();
    });
    await expect(refused).rejects.toMatchObject({ code });
  });
});

describe('a download', () => {
  it('begins at any byte and ends only when all are there', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, content);
    const transfers = bed.access().transfers(routeThroughProxy());
    const whole = await transfers.openDownload({ path: file });
    expect(whole.facts.size).toBe(content.length);
    expect((await buffer(whole.read(0, content.length))).equals(content)).toBe(true);
    const rest = await transfers.openDownload({ path: file });
    expect(rest.facts.version).toBe(whole.facts.version);
    expect((await buffer(rest.read(4_999_990, 10))).equals(content.subarray(-10))).toBe(true);
    expect(await transfers.digest({ path: file })).toEqual({ ...whole.facts, sha256 });
  });

  it('of a file that was changed after it was opened fails', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, content);
    const transfers = bed.access().transfers(direct(machine.machine()));
    const open = await transfers.openDownload({ path: file });
    writeFileSync(file, Buffer.alloc(content.length, 1));
    await expect(buffer(open.read(0, content.length))).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    const { facts } = await transfers.openDownload({ path: file });
    expect(facts.version).not.toBe(open.facts.version);
  });

  it('that nobody reads to its end leaves no process', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, content);
    const open = await bed.access().transfers(direct(machine.machine())).openDownload({ path: file });
    const stream = open.read(0, content.length);
    for await (const _ of stream) break;
    expect(await eventually(() => processesWith('wadi-download').length === 0)).toBe(true);
  });
});
