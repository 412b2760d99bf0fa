import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { importOf, LabController } from './lab-controller.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const machines = 200;
let lab: Lab;
let wadi: LabController;

beforeAll(async () => {
  lab = await labUp({ machines });
  wadi = await LabController.start(lab);
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

it(`${machines} machines behind one proxy with sshd's own limits answer, cold and warm, over one connection to it`, async () => {
  const cluster = await wadi.import(importOf(lab, 'many'));
  expect(cluster.status_description).toBe('');
  expect(cluster.status).toBe('Active');

  const { data, databaseUrl } = wadi.controller;
  await wadi.stop();
  wadi = await LabController.start(lab, { data, ...(databaseUrl ? { database: { url: databaseUrl } } : {}) });
  const before = await lab.acceptedConnections('proxy-1');
  for (const state of ['cold', 'warm']) {
    const began = performance.now();
    const run = await wadi.run(cluster.id, { command: 'hostname', targets: ['machines'] });
    console.log(`${state}: ${machines} machines in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(run.targets.filter((target) => target.status !== 'succeeded')).toEqual([]);
    for (const { instance_name: name } of run.targets.slice(0, 5))
      expect((await wadi.output(run, name)).toString()).toBe(`${name}\n`);
  }
  expect((await lab.acceptedConnections('proxy-1')) - before).toBe(1);
});
