import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lab, type LabFault, labUp } from '../set-up/lab.ts';

vi.setConfig({ testTimeout: 120_000 });
/** Milliseconds; the computer may be busy with everything else. */
const patience = 60_000;

let lab: Lab;
let door: { host: string; port: number };
beforeAll(async () => {
  lab = await labUp({ machines: 2, proxies: 2 });
  door = await lab.door('proxy-1');
});
afterAll(async () => {
  await lab?.down();
});

/** A connection to proxy-1 that has its banner. */
async function greeted(): Promise<Socket> {
  const socket = connect(door);
  const [banner] = await once(socket, 'data', { signal: AbortSignal.timeout(patience) });
  expect(String(banner)).toMatch(/^SSH-/);
  return socket;
}

/** What a new connection to port 22 meets. */
async function knock(from: string, address: string): Promise<'answers' | 'refused' | 'silent'> {
  const program = ['socat', '-u', `TCP:${address}:22,connect-timeout=1`, '-'];
  const argv = ['timeout', '2', ...(from === 'ctl' ? program : lab.machineArgv(from, program))];
  const { stdout, stderr } = await lab.inController(argv);
  if (stdout.startsWith('SSH-')) return 'answers';
  return stderr.includes('refused') ? 'refused' : 'silent';
}

/** Waits for it: a busy sshd may take its time to answer. */
const meets = (from: string, address: string, met: 'answers' | 'refused' | 'silent') =>
  expect.poll(() => knock(from, address), { timeout: patience }).toBe(met);

const addressOf = (proxy: string) =>
  lab.inventory.proxies.find(({ name }) => name === proxy)?.externalIp ?? proxy;

it.each<[LabFault, 'refused' | 'silent', 'lost' | 'kept']>([
  ['kill', 'refused', 'lost'],
  ['reject', 'refused', 'lost'],
  ['drop', 'silent', 'kept'],
  ['freeze', 'silent', 'kept'],
])(
  '%s: a new connection is %s, one that is there is %s, and all is well after it',
  async (kind, met, fate) => {
    const socket = await greeted();
    socket.on('error', () => undefined);
    const lost = once(socket, 'close').then(() => 'lost');
    await lab.fault('begin', kind, 'proxy-1');
    await lab.fault('begin', kind, 'proxy-1');
    await meets('ctl', addressOf('proxy-1'), met);
    await meets('ctl', addressOf('proxy-2'), 'answers');
    socket.write('SSH-2.0-test\r\n');
    const answered = once(socket, 'data', { signal: AbortSignal.timeout(patience) }).then(
      () => 'kept',
      () => 'silent',
    );
    if (fate === 'lost') expect(await lost).toBe('lost');
    await lab.fault('end', kind, 'proxy-1');
    await lab.fault('end', kind, 'proxy-1');
    if (fate === 'kept') expect(await Promise.race([answered, lost])).toBe('kept');
    await meets('ctl', addressOf('proxy-1'), 'answers');
    socket.destroy();
  },
);

it('cut: the proxy answers and reaches every machine but one', async () => {
  const [one, other] = lab.inventory.machines.map(({ internalIp }) => internalIp) as [string, string];
  await lab.fault('begin', 'cut', 'proxy-1', 'machine-1');
  await meets('ctl', addressOf('proxy-1'), 'answers');
  await meets('proxy-1', one, 'silent');
  await meets('proxy-1', other, 'answers');
  await meets('proxy-2', one, 'answers');
  await lab.fault('end', 'cut', 'proxy-1', 'machine-1');
  await meets('proxy-1', one, 'answers');
});

describe('what makes no sense is refused in words', () => {
  it.each<[string, LabFault, string, string | undefined, string]>([
    ['a machine that is no proxy', 'kill', 'machine-1', undefined, 'machine-1 is no proxy'],
    ['a proxy that is not there', 'drop', 'proxy-9', undefined, 'has no machine proxy-9'],
    ['a cut from nothing', 'cut', 'proxy-1', undefined, 'needs the machine'],
    ['a kill with a machine', 'kill', 'proxy-1', 'machine-1', 'needs the machine'],
  ])('%s', async (_, kind, proxy, machine, words) => {
    await expect(lab.fault('begin', kind, proxy, machine)).rejects.toThrow(words);
  });
});
