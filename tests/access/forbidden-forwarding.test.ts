import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { type Answer, importOf, LabController } from './lab-controller.ts';

let lab: Lab;
let wadi: LabController;

beforeAll(async () => {
  lab = await labUp({ machines: 2, noForwarding: true, without: ['nc', 'ncat'] });
  wadi = await LabController.start(lab);
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

it('commands and web pages go through the relay that a proxy has when its sshd forbids forwarding, and an event says so', async () => {
  const cluster = await wadi.import(importOf(lab, 'relayed'));
  expect([cluster.status, cluster.status_description]).toEqual(['Active', '']);
  const run = await wadi.run(cluster.id, { command: 'hostname' });
  for (const target of run.targets) {
    expect(target).toMatchObject({ status: 'succeeded' });
    expect((await wadi.output(run, target.instance_name)).toString()).toBe(`${target.instance_name}\n`);
  }
  for (const { name } of lab.inventory.machines) {
    const page = await wadi.fetch(`/v2/clusters/${cluster.id}/instances/${name}/http/8080/`);
    expect(await page.text()).toBe(`hello from ${name}\n`);
  }
  const { events } = (await wadi.request('GET', `/v2/clusters/${cluster.id}/events`)).body;
  const relay = events.find((event: Answer['body']) => event.type === 'proxy.relay');
  expect(relay?.body).toMatchObject({ instance: 'proxy-1', relay: 'socat' });
});
