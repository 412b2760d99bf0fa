import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { runWadi } from './run-wadi.ts';

// Many processes one after the other, on a machine that may be busy with everything else.
vi.setConfig({ testTimeout: 120_000 });

let controller: Controller;
const words = (line: string) => runWadi(line.split(' '), { data: controller.data });

beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
  for (const line of [
    'template node-group create gate --plugin bare --process proxy --proxy',
    'template node-group create worker --plugin bare --process machine',
    'template node-group create extra --plugin bare --process machine',
    'template cluster create site --plugin bare --group gate:1 --group worker:2',
    'cluster create c1 --template site --wait',
  ]) {
    const { code, stderr } = await words(line);
    if (code !== 0) throw new Error(`${line}: ${stderr}`);
  }
}, 180_000);
afterAll(async () => {
  await controller?.stop();
});

it('a cluster is scaled by number, by name and with another group', async () => {
  const up = await words('cluster scale c1 worker=4 gate=2 --wait');
  expect(up).toMatchObject({ code: 0, stderr: expect.stringContaining('c1: Active') });
  const down = await words('cluster scale c1 worker=2 --remove worker-[0,2] --add extra=1 --wait');
  expect(down).toMatchObject({ code: 0 });
  const { stdout } = await words('cluster show c1');
  expect(stdout).toMatch(/^worker +2 +machine +c1-worker-\[1,3\]$/m);
  expect(stdout).toMatch(/^gate +2 +yes +proxy +c1-gate-\[0-1\]$/m);
  expect(stdout).toMatch(/^extra +1 +machine +c1-extra-0$/m);
});

it('what is not possible is refused with the reason', async () => {
  const last = await words('cluster scale c1 gate=0');
  expect(last).toMatchObject({ code: 4, stderr: expect.stringContaining('would have no proxy') });
  for (const [line, text] of [
    ['cluster scale c1', 'nothing to do'],
    ['cluster scale c1 worker', 'GROUP=COUNT'],
    ['cluster scale c1 worker=-1', 'GROUP=COUNT'],
    ['cluster scale c1 worker=1 --remove extra-0', 'extra-0'],
    ['cluster scale c1 --add nonsense=1', 'nonsense'],
    ['cluster scale c2 worker=1', 'no cluster named c2'],
  ] as const)
    expect({ line, ...(await words(line)) }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(text),
    });
});

it('a cluster is verified; a machine that is off makes it end with 1 and is named', async () => {
  const well = await words('cluster verify c1 --wait');
  expect(well).toMatchObject({ code: 0, stderr: '' });
  expect(well.stdout).toMatch(/^c1: GREEN\n {2}GREEN {3}Check of instances accessibility: All instances are/);
  expect((await words('cluster show c1')).stdout).toMatch(/^health +GREEN$/m);
  await controller.request('POST', '/v2/sandbox/machines/c1-worker-1/stop');
  const ill = await words('cluster verify c1 --wait');
  expect(ill).toMatchObject({ code: 1, stdout: expect.stringMatching(/^c1: RED\n.*c1-worker-1: /) });
  const shown = await words('cluster verify c1 --show --json');
  expect(JSON.parse(shown.stdout)).toMatchObject({ status: 'RED' });
  await controller.request('POST', '/v2/sandbox/machines/c1-worker-1/start');
  const begun = await words('cluster verify c1');
  expect(begun).toMatchObject({ code: 0, stdout: expect.stringContaining('wadi cluster verify c1 --show') });
});
