import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ProxyHealth } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { importOf, LabController } from './lab-controller.ts';

vi.setConfig({ testTimeout: 180_000 });

const run = promisify(execFile);
/** Milliseconds. */
const patience = 60_000;
const machines = 6;

let lab: Lab;
let wadi: LabController;
let cluster: string;

beforeAll(async () => {
  lab = await labUp({ machines, proxies: 2 });
  wadi = await LabController.start(lab);
  cluster = (await wadi.import(importOf(lab, 'two-proxies'))).id;
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

interface Fault {
  begin(): Promise<void>;
  end(): Promise<void>;
  /** Connections that the dead proxy accepts all the same are counted. */
  readonly accepts: boolean;
}

/** To every process of the proxy. */
async function signal(name: 'STOP' | 'CONT'): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'pids', `${lab.name}-proxy-1`]);
  for (const pid of stdout.split('\n').filter(Boolean)) process.kill(Number(pid), `SIG${name}`);
}

/** In the network of a machine, or of the controller. */
async function route(where: string, ...argv: string[]): Promise<void> {
  await run('nsenter', [`--net=/run/netns/${where}`, 'ip', 'route', ...argv]);
}

const faults: Record<string, Fault> = {
  'is frozen': { begin: () => signal('STOP'), end: () => signal('CONT'), accepts: true },
  'is without power': {
    begin: () => lab.power('off', 'proxy-1'),
    end: () => lab.power('on', 'proxy-1'),
    accepts: false,
  },
  'answers nothing': {
    begin: () => route(`${lab.name}-proxy-1`, 'add', 'blackhole', '198.18.0.254'),
    end: () => route(`${lab.name}-proxy-1`, 'del', 'blackhole', '198.18.0.254'),
    accepts: false,
  },
  'is refused by the network': {
    begin: () => route(lab.inventory.controllerNetns, 'add', 'unreachable', '198.18.0.1'),
    end: () => route(lab.inventory.controllerNetns, 'del', 'unreachable', '198.18.0.1'),
    accepts: false,
  },
};
const chosen = process.env.WADI_PROXY_FAULTS === 'all' ? Object.keys(faults) : ['is frozen'];

async function proxies(): Promise<ProxyHealth[]> {
  return (await wadi.request('GET', `/v2/clusters/${cluster}/proxies`)).body.proxies;
}

async function untilState(...states: ProxyHealth['state'][]): Promise<ProxyHealth> {
  for (const end = performance.now() + patience; ; await sleep(100)) {
    const proxy = (await proxies()).find(({ name }) => name === 'proxy-1');
    if (proxy && states.includes(proxy.state)) return proxy;
    if (performance.now() > end)
      throw new Error(`proxy-1 did not become ${states}: ${JSON.stringify(proxy)}`);
  }
}

/** Statuses and routes of one command on every machine. */
async function runOnAll(): Promise<{ status: string; route: string | null }[]> {
  const { targets } = await wadi.run(cluster, { command: 'echo x >> /tmp/count', targets: ['machines'] });
  return targets.map(({ status, route }) => ({ status, route }));
}

describe.each(chosen)('when one of two proxies %s', (name) => {
  const fault = faults[name] as Fault;

  it('work goes on by the other one, few connections are tried, and it comes back by itself', async () => {
    await untilState('up');
    expect(new Set((await runOnAll()).map(({ status }) => status))).toEqual(new Set(['succeeded']));
    await fault.begin();
    const began = performance.now();
    let ended = false;
    try {
      // What meets the connection that died opens nothing on it: it is done by the other proxy, once.
      const first = await runOnAll();
      expect(new Set(first.map(({ status }) => status))).toEqual(new Set(['succeeded']));
      const rerouted = performance.now() - began;
      const down = await untilState('down', 'trying');
      expect(down.error).toMatchObject({ hop: 'proxy-1' });
      const before = fault.accepts ? await lab.acceptedConnections('proxy-1') : 0;
      for (let round = 0; round < 5; round++)
        for (const target of await runOnAll())
          expect(target).toEqual({ status: 'succeeded', route: expect.stringContaining('proxy-2') });
      const page = await wadi.fetch(`/v2/clusters/${cluster}/instances/machine-1/http/8080/`);
      expect(page.status).toBe(200);
      if (fault.accepts) expect((await lab.acceptedConnections('proxy-1')) - before).toBeLessThanOrEqual(5);
      await fault.end();
      ended = true;
      const up = await untilState('up');
      expect(up.error).toBeNull();
      console.log(JSON.stringify({ fault: name, reroutedMs: Math.round(rerouted) }));
    } finally {
      if (!ended) await fault.end();
    }
  });
});

it('no command ran twice', async () => {
  const { targets, ...rest } = await wadi.run(cluster, {
    command: 'wc -l < /tmp/count',
    targets: ['machines'],
  });
  for (const { instance_name } of targets) {
    const lines = (await wadi.output({ targets, ...rest }, instance_name)).toString().trim();
    expect([instance_name, lines]).toEqual([instance_name, String(chosen.length * 7)]);
  }
});
