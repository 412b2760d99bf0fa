import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Answer, type Controller, startController } from '../set-up/start-controller.ts';
import { createCluster, settled } from './sandbox-cluster.ts';

vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(path.join(tmpdir(), 'wadi-diary-'));
const diary = path.join(folder, 'diary');
const plugins = path.join(folder, 'plugins');
let wadi: Controller;
let database: pg.Client;

const text = `
name: diary
title: Diary
description: Every step is written down; one for which there is a file fails.
labels: {}
versions:
  - version: '1'
    labels: {}
    processes: { diary: [writer] }
    configs:
      - { name: Place, type: string, target: diary, scope: cluster }
    lifecycle:
      writer:
        install: { script: step.sh }
        configure: { script: step.sh }
        start: { script: step.sh }
        decommission: { script: step.sh }
        stop: { script: step.sh }
`;
const step = `#!/bin/sh
wadi_machines writer | cut -d ' ' -f 1 | tr '\\n' ' ' >known
echo "$WADI_NAME $WADI_STEP $(cat known)" >>"$PLACE/lines"
[ ! -e "$PLACE/fail $WADI_NAME $WADI_STEP" ] || { echo 'as it should' >&2; exit 1; }
`;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  mkdirSync(path.join(plugins, 'diary', 'scripts'), { recursive: true });
  writeFileSync(path.join(plugins, 'diary', 'plugin.yaml'), text);
  writeFileSync(path.join(plugins, 'diary', 'scripts', 'step.sh'), step);
  mkdirSync(diary);
  chmodSync(diary, 0o777);
  wadi = await startController({ args: ['--sandbox', '--plugins', plugins] });
  database = new pg.Client(wadi.databaseUrl ?? '');
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await wadi?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function create(name: string, count: number): Promise<string> {
  const probe = { name: 'diary', version: '1', process: 'writer' };
  const settings = { cluster_configs: { diary: { Place: diary } } };
  const cluster = await createCluster(wadi, probe, { name, count, ...settings });
  expect([cluster.status, cluster.status_description]).toEqual(['Active', '']);
  return cluster.id;
}

async function scale(id: string, body: object): Promise<Answer['body']> {
  expect((await wadi.request('PUT', `/v2/clusters/${id}`, body)).status).toBe(202);
  return settled(wadi, id);
}

const fail = (machine: string, name: string) =>
  writeFileSync(path.join(diary, `fail ${machine} ${name}`), '');
/** What was run on a machine, in order; each with the machines it was told of. */
const written = (machine: string) =>
  readFileSync(path.join(diary, 'lines'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${machine} `))
    .map((line) => line.slice(machine.length + 1).trim());
const steps = (machine: string) => written(machine).map((line) => line.split(' ')[0]);

it('machines that are taken back take their leave, and those that stay are told', async () => {
  const id = await create('up', 2);
  fail('up-node-3', 'start');
  const cluster = await scale(id, { resize_node_groups: [{ name: 'node', count: 4 }] });
  expect(cluster.status).toBe('Active');
  expect(cluster.status_description).toMatch(
    /machine up-node-3: process writer: start .* What it had added was removed again\nError ID/s,
  );
  // It had started, and others may have given it what only it has by now.
  expect(steps('up-node-2')).toEqual(['install', 'configure', 'start', 'decommission', 'stop']);
  expect(written('up-node-2').at(-2)).toBe('decommission up-node-0 up-node-1');
  expect(written('up-node-0').slice(-2)).toEqual([
    'configure up-node-0 up-node-1',
    'start up-node-0 up-node-1',
  ]);
  expect(cluster.node_groups[1].count).toBe(2);
});

it('machines that could not go are at work again, and nothing is said to be removed', async () => {
  const id = await create('down', 3);
  fail('down-node-2', 'decommission');
  const cluster = await scale(id, {
    resize_node_groups: [
      { name: 'node', count: 1 },
      { name: 'door', count: 2 },
    ],
  });
  expect(cluster.status).toBe('Active');
  expect(cluster.status_description).toContain('machine down-node-2: process writer: decommission');
  expect(cluster.status_description).not.toContain('What it had added');
  expect(cluster.node_groups.map(({ count }: { count: number }) => count)).toEqual([1, 3]);
  expect(steps('down-node-1').slice(-3)).toEqual(['decommission', 'configure', 'start']);
  expect(written('down-node-1').at(-1)).toBe('start down-node-0 down-node-1 down-node-2');
});

it('a machine that cannot be reached goes without taking leave, and that is told', async () => {
  const id = await create('away', 2);
  await wadi.request('POST', '/v2/sandbox/machines/away-node-1/stop');
  const cluster = await scale(id, { resize_node_groups: [{ name: 'node', count: 1 }] });
  expect([cluster.status, cluster.status_description]).toEqual(['Active', '']);
  const { events } = (await wadi.request('GET', `/v2/clusters/${id}/events`)).body;
  const told = events.filter(({ type }: { type: string }) => type === 'plugin.passed-over');
  expect(told.map(({ body }: Answer['body']) => [body.instance, body.process, body.step])).toEqual([
    ['away-node-1', 'writer', 'decommission'],
    ['away-node-1', 'writer', 'stop'],
  ]);
  expect(told[0].body).toMatchObject({ code: 'TARGET_UNREACHABLE' });
});

it('what was removed and what is taken back are steps of their own', async () => {
  const id = await create('both', 3);
  fail('both-extra-0', 'install');
  const extra = { name: 'extra', count: 2, flavor_id: '1', node_processes: ['writer'] };
  const cluster = await scale(id, {
    resize_node_groups: [{ name: 'node', count: 2 }],
    add_node_groups: [extra],
  });
  expect(cluster.status_description).toContain('What it had added was removed again');
  const told = cluster.provision_progress
    .filter(({ step_name }: { step_name: string }) => step_name === 'Delete instances')
    .map((each: Answer['body']) => [each.step_type, each.total, each.successful]);
  expect(told).toEqual([
    ['Engine: scale cluster', 1, true],
    ['Engine: rollback cluster', 2, true],
  ]);
});

it('those that stay are told also when that is interrupted after the others are gone', async () => {
  const id = await create('cut', 1);
  fail('cut-node-1', 'install');
  await database.query(`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not now'; end $$`);
  await database.query(`create trigger refuse before insert on provision_step for each row
    when (new.step_name = 'Configure writer again') execute function refuse()`);
  const asked = await wadi.request('PUT', `/v2/clusters/${id}`, {
    resize_node_groups: [{ name: 'node', count: 2 }],
  });
  expect(asked.status).toBe(202);
  const told = async () => (await wadi.request('GET', `/v2/clusters/${id}`)).body.cluster.status_description;
  await expect.poll(told, { timeout: 60_000 }).toContain('not now');
  await database.query('drop trigger refuse on provision_step');
  const cluster = await settled(wadi, id);
  expect(cluster.status_description).toContain('What it had added was removed again');
  expect(steps('cut-node-0')).toEqual(['install', 'configure', 'start', 'configure', 'start']);
});
