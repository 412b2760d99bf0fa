import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fingerprint, parseHostKey } from '../../packages/controller/src/access/host-key.ts';
import { importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';
import { instances, rotate, said, untilRotation } from './rotated-cluster.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 });

/** `npm run test:keys` */
const all = process.env.WADI_KEYS === 'all';
/** Moments at which the controller is killed. */
const kills = all ? 15 : 1;
const machines = ['proxy-1', 'machine-1', 'machine-2'];

let lab: Lab;
let wadi: LabController;
let cluster: string;

beforeAll(async () => {
  lab = await labUp({ machines: 2, hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
  wadi = await LabController.start(lab, { data: newDataDirectory() });
  ({ id: cluster } = await wadi.import(importOf(lab, 'site')));
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

/** What the sshd of a machine shows, by whatever type it is asked for. */
async function shown(machine: string): Promise<string[]> {
  const [program = '', ...argv] = lab.machineArgv(machine, ['ssh-keyscan', '127.0.0.1']);
  const { stdout } = await promisify(execFile)(program, argv);
  return stdout
    .split('\n')
    .flatMap((line) => parseHostKey(line.split(' ').slice(1).join(' ')) ?? [])
    .map(fingerprint)
    .sort();
}

async function pinned(machine: string): Promise<string[]> {
  const found = (await instances(wadi, cluster)).find(({ name }) => name === machine);
  return [...found.host_key.fingerprints].sort();
}

const command = (text: string, target: string) =>
  wadi.run(cluster, { command: text, as_root: true, targets: [target] });

async function eventTypes(): Promise<string[]> {
  const { body } = await wadi.request('GET', `/v2/clusters/${cluster}/events`);
  return body.events.map(({ type }: { type: string }) => type);
}

test('machines make new host keys of every type, while commands run, and nothing is left of the old ones', async () => {
  const before = await Promise.all(machines.map(shown));
  expect(before.map(({ length }) => length)).toEqual([3, 3, 3]);
  const long = await wadi.request('POST', `/v2/clusters/${cluster}/runs`, { command: 'sleep 4; echo done' });
  const { id } = await rotate(wadi, cluster, { kind: 'host' });
  const rotation = await untilRotation(wadi, cluster, id, 'finished');
  expect(rotation.machines.map(({ instance, state }) => [instance, state])).toEqual(
    machines.map((name) => [name, 'done']),
  );
  const run = await wadi.ended(cluster, long.body.run.id);
  expect(run.targets.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  for (const [place, machine] of machines.entries()) {
    const now = await shown(machine);
    expect(now).toHaveLength(3);
    expect(now.filter((key) => before[place]?.includes(key))).toEqual([]);
    expect(await pinned(machine)).toEqual(now);
  }
  const left = await said(
    wadi,
    cluster,
    'ls /etc/ssh; stat -c %a /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*.pub',
  );
  for (const text of Object.values(left)) {
    expect(text).not.toContain('wadi');
    expect(text.split('\n').filter((line) => /^\d+$/.test(line))).toEqual([
      '600',
      '600',
      '600',
      '644',
      '644',
      '644',
    ]);
  }
  expect(await eventTypes()).toEqual(expect.arrayContaining(['host-key.rotation-begun', 'host-key.rotated']));
  expect(await eventTypes()).not.toContain('host-key.mismatch');
});

test.runIf(all)(
  'only those that were named, and where it cannot be done it is said why and nothing is changed',
  async () => {
    const before = await Promise.all(machines.map(shown));
    const back = 'until [ -e /tmp/back ]; do sleep 0.1; done; mv /etc/sudoers.away /etc/sudoers';
    await command(
      `mv /etc/sudoers /etc/sudoers.away; setsid sh -c '${back}' </dev/null >/dev/null 2>&1 &`,
      'machine-1',
    );
    await command('echo "HostCertificate /etc/ssh/none.pub" >> /etc/ssh/sshd_config', 'machine-2');
    const { id } = await rotate(wadi, cluster, { kind: 'host', targets: ['machines'] });
    const { machines: waiting } = await untilRotation(wadi, cluster, id, 'waiting');
    expect(waiting.map(({ instance, state, problem }) => [instance, state, problem?.code])).toEqual([
      ['machine-1', 'pending', 'SUDO_REFUSED'],
      ['machine-2', 'pending', 'COMMAND_FAILED'],
    ]);
    expect(waiting[1]?.problem?.message).toContain('HostCertificate');
    expect(await Promise.all(machines.map(shown))).toEqual(before);

    await command('sed -i /HostCertificate/d /etc/ssh/sshd_config', 'machine-2');
    expect((await rotate(wadi, cluster, { kind: 'host', targets: ['proxy-1'] })).id).toBe(id);
    for (;;) {
      const { machines: now } = await untilRotation(wadi, cluster, id, 'waiting');
      if (now.filter(({ state }) => state === 'done').length === 2) break;
      await sleep(100);
    }
    expect(await shown('machine-1')).toEqual(before[1]);
    await wadi.run(cluster, { command: 'touch /tmp/back; sleep 0.5', targets: ['machine-1'] });
    await rotate(wadi, cluster, { kind: 'host' });
    await untilRotation(wadi, cluster, id, 'finished');
    for (const machine of machines) expect(await pinned(machine)).toEqual(await shown(machine));
    expect(await eventTypes()).not.toContain('host-key.mismatch');
  },
);

test.runIf(all)('new host keys that sshd does not take are put back', async () => {
  const before = await shown('machine-2');
  const refuse = 'case "$*" in -t) echo no such luck >&2; exit 1;; esac; exec /usr/sbin/sshd "$@"';
  await command(
    `printf '#!/bin/sh\\n%s\\n' '${refuse}' > /usr/local/sbin/sshd; chmod 755 /usr/local/sbin/sshd`,
    'machine-2',
  );
  const { id } = await rotate(wadi, cluster, { kind: 'host', targets: ['machine-2'] });
  const { machines: waiting } = await untilRotation(wadi, cluster, id, 'waiting');
  expect(waiting[0]?.problem?.message).toContain('no such luck');
  expect(await shown('machine-2')).toEqual(before);
  expect(await pinned('machine-2')).toEqual(expect.arrayContaining(before));
  await command('rm /usr/local/sbin/sshd; pkill -HUP -o -x sshd', 'machine-2');
  expect(await shown('machine-2')).toEqual(before);
  await rotate(wadi, cluster, { kind: 'host', targets: ['machine-2'] });
  await untilRotation(wadi, cluster, id, 'finished');
  expect(await pinned('machine-2')).toEqual(await shown('machine-2'));
});

test.runIf(all)('host keys that a machine has lost before it showed them are made anew', async () => {
  const { id } = await rotate(wadi, cluster, { kind: 'host', targets: ['machine-2'] });
  // Whenever the machine has made them, they are gone a moment later, for a while.
  const away = command(
    'for i in $(seq 200); do rm -rf /etc/ssh/wadi-host-keys; sleep 0.02; done',
    'machine-2',
  );
  await away;
  await rotate(wadi, cluster, { kind: 'host', targets: ['machine-2'] });
  await untilRotation(wadi, cluster, id, 'finished');
  expect(await pinned('machine-2')).toEqual(await shown('machine-2'));
});

test(`the controller is killed at ${kills} moments of a rotation, and every rotation comes to its end`, async () => {
  for (let round = 0; round < kills; round += 1) {
    const before = (await Promise.all(machines.map(shown))).flat();
    const { id } = await rotate(wadi, cluster, { kind: 'host' });
    await sleep(Math.random() * 2500);
    const { data, databaseUrl } = wadi.controller;
    await wadi.kill();
    wadi = await LabController.start(lab, { data, database: { url: databaseUrl ?? '' } });
    await untilRotation(wadi, cluster, id, 'finished');
    const now = await Promise.all(machines.map(shown));
    expect(now.flat().filter((key) => before.includes(key))).toEqual([]);
    expect(await Promise.all(machines.map(pinned))).toEqual(now);
    expect(Object.keys(await said(wadi, cluster, 'true')).sort()).toEqual([...machines].sort());
  }
  expect(await eventTypes()).not.toContain('host-key.mismatch');
});
