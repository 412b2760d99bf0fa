import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { createCluster } from './sandbox-cluster.ts';

vi.setConfig({ testTimeout: 180_000 });

const folder = mkdtempSync(path.join(tmpdir(), 'wadi-health-'));
const place = path.join(folder, 'place');
const plugins = path.join(folder, 'plugins');
let wadi: Controller;

const text = `
name: watch
title: Watch
description: How many look at once.
labels: {}
versions:
  - version: '1'
    labels: {}
    processes: { watch: [watcher] }
    configs:
      - { name: Place, type: string, target: watch, scope: cluster }
    lifecycle:
      watcher:
        health:
          - { name: Counts, command: { script: health.sh } }
`;
const health = `#!/bin/sh
mkdir "$PLACE/at-work-$WADI_NAME"
ls "$PLACE" | grep -c at-work >>"$PLACE/counts"
sleep 1
rmdir "$PLACE/at-work-$WADI_NAME"
`;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  mkdirSync(path.join(plugins, 'watch', 'scripts'), { recursive: true });
  writeFileSync(path.join(plugins, 'watch', 'plugin.yaml'), text);
  writeFileSync(path.join(plugins, 'watch', 'scripts', 'health.sh'), health);
  mkdirSync(place);
  chmodSync(place, 0o777);
  wadi = await startController({ args: ['--sandbox', '--plugins', plugins] });
});
afterAll(async () => {
  await wadi?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Machines that were looked at at once, at most, since this was asked last. */
function mostAtOnce(): number {
  const counts = path.join(place, 'counts');
  const numbers = readFileSync(counts, 'utf8').trim().split('\n').map(Number);
  writeFileSync(counts, '');
  return Math.max(...numbers);
}

it('the health of many machines is asked of a few at once; those that are away are not asked', async () => {
  const process = { name: 'watch', version: '1', process: 'watcher' };
  const settings = { cluster_configs: { watch: { Place: place } } };
  const cluster = await createCluster(wadi, process, { name: 'w', count: 24, ...settings });
  expect([cluster.status, cluster.status_description]).toEqual(['Active', '']);
  expect(mostAtOnce()).toBeLessThanOrEqual(20);
  const verification = async () => {
    for (;;) {
      const { verification } = (await wadi.request('GET', `/v2/clusters/${cluster.id}`)).body.cluster;
      if (verification && verification.status !== 'CHECKING') return verification;
      await sleep(100);
    }
  };
  expect((await verification()).status).toBe('GREEN');
  expect(mostAtOnce()).toBeLessThanOrEqual(20);

  await wadi.request('POST', '/v2/sandbox/machines/w-node-7/stop');
  await wadi.request('PATCH', `/v2/clusters/${cluster.id}`, { verification: { status: 'START' } });
  const { checks } = await verification();
  expect(checks.at(-1)).toMatchObject({
    name: 'Check of process watcher',
    status: 'YELLOW',
    description: 'w-node-7: Counts: the machine is not available',
  });
});
