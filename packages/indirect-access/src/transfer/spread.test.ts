import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { direct, eventually, processesWith, TestBed } from '../test-access.ts';
import type { TestSshd } from '../test-sshd.ts';
import type { RemoteTransfers } from './remote-transfers.ts';

const bed = new TestBed();
const address = '127.0.0.1';
const content = randomBytes(3_000_001);
const sha256 = createHash('sha256').update(content).digest('hex');
let machine: TestSshd;
let proxy: TestSshd;
let folder: string;

beforeAll(async () => {
  [machine, proxy] = await Promise.all([bed.sshd('machine'), bed.sshd('proxy')]);
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-spread-'));
});
afterEach(async () => {
  await bed.reset();
  rmSync(folder, { recursive: true });
});
afterAll(() => bed.stop());

function both(): { onProxy: RemoteTransfers; onMachine: RemoteTransfers } {
  const access = bed.access();
  return {
    onProxy: access.transfers(direct(proxy.machine({ id: 'proxy', name: 'proxy' }))),
    onMachine: access.transfers(direct(machine.machine())),
  };
}

const spec = () => ({
  id: randomUUID() as string,
  path: path.join(folder, 'file'),
  size: content.length,
  sha256,
});

describe('a portion on a proxy', () => {
  it('is fetched by machines, which alone can read it, and is gone afterwards', async () => {
    const { onProxy, onMachine } = both();
    const spread = await onProxy.openSpread({ address, length: 2_000_000 });
    for (let at = 0; at < 2_000_000; at += 100_000) await spread.write(content.subarray(at, at + 100_000));
    const portion = await spread.listen(0);
    const wanted = spec();
    const channel = await onMachine.openUpload(wanted);
    expect(await channel.pull(portion)).toEqual({ offset: 2_000_000, done: false });
    // Neither key nor token can be seen on the machines.
    for (const secret of [portion.key, portion.token]) expect(processesWith(secret)).toEqual([]);
    expect(processesWith('wadi-upload')).toEqual([]);
    const served = await ask(portion.port, portion.token);
    expect(served.length).toBe(2_000_016);
    expect(served.includes(content.subarray(0, 64))).toBe(false);
    expect(await ask(portion.port, 'another')).toHaveLength(0);
    spread.close();
    expect(await eventually(() => processesWith(`${portion.address} 0 2000016`).length === 0)).toBe(true);
    await expect(ask(portion.port, portion.token)).rejects.toMatchObject({ code: 'ECONNREFUSED' });

    const rest = await onMachine.openUpload(wanted);
    expect(rest.state.offset).toBe(2_000_000);
    rest.begin(2_000_000);
    await rest.write(content.subarray(2_000_000));
    expect(await rest.end()).toMatchObject({ done: true });
    expect(readFileSync(wanted.path).equals(content)).toBe(true);
    await onMachine.removeUpload(wanted.id);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it.each([
    ['other bytes than were sent', { sha256: '0'.repeat(64) }],
    ['another key', { key: 'f'.repeat(64) }],
    ['another token', { token: 'f'.repeat(48) }],
    ['a port where nobody is', { port: 1 }],
  ])('is not taken by a machine that gets %s, which goes on as usual', async (_, change) => {
    const { onProxy, onMachine } = both();
    const spread = await onProxy.openSpread({ address, length: content.length });
    await spread.write(content);
    const portion = { ...(await spread.listen(0)), ...change };
    const wanted = spec();
    const channel = await onMachine.openUpload(wanted);
    await expect(channel.pull(portion)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    spread.close();
    const usual = await onMachine.openUpload(wanted);
    expect(usual.state.offset).toBe(0);
    usual.begin(0);
    await usual.write(content);
    expect(await usual.end()).toMatchObject({ done: true });
    await onMachine.removeUpload(wanted.id);
  });

  it('ends with the connection to the proxy', async () => {
    const { onProxy } = both();
    const spread = await onProxy.openSpread({ address, length: 10 });
    await spread.write(content.subarray(0, 10));
    const { port, token } = await spread.listen(0);
    await bed.reset();
    const refused = () =>
      ask(port, token).then(
        () => false,
        () => true,
      );
    for (let tries = 0; !(await refused()); tries += 1) expect(tries).toBeLessThan(100);
  });
});

/** What whoever says this gets. */
async function ask(port: number, token: string): Promise<Buffer> {
  const socket = connect(port, address);
  socket.write(`${token}\n`);
  return await buffer(socket);
}
