import { afterAll, beforeAll, expect, it } from 'vitest';
import { importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';

let lab: Lab;
let wadi: LabController;

beforeAll(async () => {
  lab = await labUp({ machines: 2 });
  wadi = await LabController.start(lab);
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

it('a site on machines behind a proxy is served, found healthy, and offered by the cluster', async () => {
  const begin = (title: string) =>
    wadi.import({
      ...importOf(lab, 'site'),
      plugin_name: 'web',
      cluster_configs: { web: { Title: title, Port: 8099 } },
    });
  const cluster = await begin('Oasis & <palm>');
  expect(cluster.status_description).toBe('');
  const url = cluster.info.site['Site (machine-2)'];
  expect(url).toBe(`/v2/clusters/${cluster.id}/instances/machine-2/http/8099/`);
  const page = await (await wadi.fetch(url)).text();
  expect(page).toContain('<h1>Oasis &amp; &lt;palm&gt;</h1>');
  expect(page).toContain('This is machine-2 at');

  // Once more, with what is there already.
  await wadi.deleted(cluster.id);
  const again = await begin('Again');
  expect(again.status_description).toBe('');
  expect(await (await wadi.fetch(again.info.site['Site (machine-1)'])).text()).toContain('<h1>Again</h1>');
}, 120_000);
