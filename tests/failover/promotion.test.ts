import { randomUUID } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyHealth, Run } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';
import { countingCommand, endCounting, expectCountedOnce } from './counting-run.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

/** They are lost; the third is a machine like others, but for an address that the controller can dial. */
const old = ['proxy-1', 'proxy-2'];
const heir = 'proxy-3';
const access = { promotion: 'automatic', promote_after_seconds: 5 } as const;
const mark = randomUUID();

let lab: Lab;
let wadi: LabController;
let second: LabController;
let cluster: string;
let run: string;

beforeAll(async () => {
  lab = await labUp({ machines: 3, proxies: 3 });
  wadi = await LabController.start(lab);
  const { machines, ...rest } = importOf(lab, 'orphaned');
  const third = lab.inventory.proxies.find(({ name }) => name === heir);
  const given = machines.map((each) => {
    if (each.name !== heir) return each;
    return { ...each, is_proxy: false, address: third?.internalIp, management_address: third?.externalIp };
  });
  cluster = (await wadi.import({ ...rest, machines: given, access })).id;
  const data = newDataDirectory();
  copyFileSync(path.join(wadi.controller.data, 'master.key'), path.join(data, 'master.key'));
  second = await LabController.start(lab, { data, database: { url: wadi.controller.databaseUrl ?? '' } });
});
afterAll(async () => {
  await second?.stop();
  await wadi?.stop();
  await lab?.down();
});

const url = (rest: string) => `/v2/clusters/${cluster}/${rest}`;

async function targets(): Promise<Run['targets']> {
  return (await wadi.request('GET', url(`runs/${run}`))).body.run.targets;
}

async function told(type: string): Promise<string[]> {
  const { events } = (await wadi.request('GET', url('events?limit=1000'))).body;
  const those = events.filter((event: { type: string }) => event.type === type);
  return those.map((event: { body: { instance: string } }) => event.body.instance).sort();
}

async function duties(of: LabController): Promise<Record<string, string | null>> {
  const { proxies } = (await of.request('GET', url('proxies'))).body;
  return Object.fromEntries(proxies.map(({ name, duty }: ProxyHealth) => [name, duty]));
}

/** By which ways one command on every machine went. */
async function routes(by: LabController): Promise<string[]> {
  const done = await by.run(cluster, { command: 'true', targets: ['machines'] });
  expect(done.targets.map(({ status, error }) => error ?? status)).toEqual(Array(4).fill('succeeded'));
  return done.targets.map(({ route }) => route ?? '').sort();
}

const throughHeir = [
  `tcp > ${heir}`,
  `tcp > ${heir} > machine-1`,
  `tcp > ${heir} > machine-2`,
  `tcp > ${heir} > machine-3`,
];

/** It is there again: somebody else has seen its sshd. */
async function answers(proxy: string): Promise<void> {
  const address = lab.inventory.proxies.find(({ name }) => name === proxy)?.externalIp;
  const greeting = async () =>
    (await lab.inController(['timeout', '2', 'socat', '-u', `TCP:${address}:22`, '-'])).stdout;
  await expect.poll(greeting, { timeout: 60_000 }).toMatch(/^SSH-/);
}

describe('a cluster that has lost all its proxies', () => {
  it('gets another one, once, and its runs go on', async () => {
    expect(await duties(wadi)).toEqual({ 'proxy-1': null, 'proxy-2': null });
    const request = { id: randomUUID(), command: countingCommand(mark), targets: ['machines'] };
    run = (await wadi.request('POST', url('runs'), request)).body.run.id;
    const begun = async () => (await targets()).every(({ stdout_bytes: bytes }) => bytes > 0);
    await vi.waitUntil(begun, { timeout: 60_000, interval: 100 });
    for (const route of await routes(second)) expect(route).toMatch(/^tcp > proxy-[12] > /);
    for (const proxy of old) await lab.fault('begin', 'kill', proxy);
    await vi.waitUntil(async () => (await told('proxy.promoted')).length > 0, { timeout: 120_000 });
    expect(await told('proxy.promoted')).toEqual([heir]);
    expect(await told('proxy.fenced')).toEqual(old);
    for (const each of [wadi, second]) {
      expect(await duties(each)).toEqual({ 'proxy-1': 'fenced', 'proxy-2': 'fenced', [heir]: 'promoted' });
      expect(await routes(each)).toEqual(throughHeir);
    }
    await endCounting(second, cluster, mark);
    await expectCountedOnce(wadi, cluster, mark, await wadi.ended(cluster, run));
    const by = (action: string) => wadi.audited((record) => record.action === action);
    expect(await by('proxy.promote')).toEqual([expect.objectContaining({ who: 'wadi', instance: heir })]);
    expect((await by('proxy.fence')).map(({ instance }) => instance).sort()).toEqual(old);
  });

  it('opens nothing to the old ones, even when they come back, whoever asks', async () => {
    for (const proxy of old) await lab.fault('end', 'kill', proxy);
    for (const proxy of old) await answers(proxy);
    const accepted = () => Promise.all(old.map((proxy) => lab.acceptedConnections(proxy)));
    const before = await accepted();
    for (const each of [wadi, second]) {
      expect(await routes(each)).toEqual(throughHeir);
      const refused = await each.run(cluster, { command: 'true', targets: [...old] });
      for (const target of refused.targets)
        expect(target).toMatchObject({ status: 'unreachable', error: { code: 'NO_ROUTE' } });
      const explained = await each.request('POST', url(`instances/proxy-1/explain`));
      expect(explained.body.explanation.verdict).toMatchObject({ code: 'FENCED', reachable: false });
      await each.request('POST', url('explain'));
    }
    await sleep(5_000);
    expect(await accepted()).toEqual(before);
    expect(await told('proxy.promoted')).toEqual([heir]);
  });

  it('does not let the heir go while the others are reached through it', async () => {
    const shrunk = { name: 'machines', count: 3, instances: [heir] };
    const refused = await wadi.request('PUT', `/v2/clusters/${cluster}`, { resize_node_groups: [shrunk] });
    expect([refused.status, refused.body.error_message]).toEqual([
      400,
      expect.stringContaining(`would lose the last proxy that is in use (${heir})`),
    ]);
  });

  it('takes them into use again when it is told to, and the heir is a machine like others then', async () => {
    const readmit = (name: string) => wadi.request('POST', url(`proxies/${name}/readmit`));
    for (const proxy of old) expect((await readmit(proxy)).status).toBe(200);
    expect((await readmit(heir)).status).toBe(409);
    expect((await wadi.request('POST', url(`proxies/${heir}/drain`))).status).toBe(202);
    await vi.waitUntil(async () => (await lab.sshConnections(heir)) === 0, { timeout: 60_000 });
    expect((await readmit(heir)).status).toBe(200);
    for (const each of [wadi, second]) {
      for (const route of await routes(each)) expect(route).toMatch(/^tcp > proxy-[12] > /);
      expect(await duties(each)).toEqual({ 'proxy-1': null, 'proxy-2': null });
    }
  });
});
