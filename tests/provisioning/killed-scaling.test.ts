import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newDataDirectory, startController } from '../set-up/start-controller.ts';
import { createCluster, door, expectMachines, untilAtRest, worker } from './scaled-cluster.ts';

const kills = 6;

test(`a cluster that is scaled while its controller is killed ${kills} times at random ends with the machines asked for`, async () => {
  const data = newDataDirectory();
  const options = { database: 'own', data, args: ['--sandbox'] } as const;
  let controller = await startController(options);
  const path = await createCluster(controller, 'crash', [door(2), worker(2)]);
  for (let round = 0; round < kills; round += 1) {
    const count = round % 2 === 0 ? 6 : 2;
    const asked = await controller.request('PUT', path, {
      resize_node_groups: [
        { name: 'worker', count },
        { name: 'door', count: round % 2 === 0 ? 1 : 2 },
      ],
    });
    expect(asked.status).toBe(202);
    await sleep(Math.random() * 700);
    await controller.kill();
    controller = await startController(options);
    await untilAtRest(controller, path);
    const { cluster } = (await controller.request('GET', path)).body;
    expect(cluster.status_description).toBe('');
    const groups: { name: string; count: number; instances: { instance_name: string }[] }[] =
      cluster.node_groups;
    expect(groups.map((group) => [group.name, group.count])).toEqual([
      ['door', round % 2 === 0 ? 1 : 2],
      ['worker', count],
    ]);
    const names = groups.flatMap(({ instances }) => instances.map(({ instance_name }) => instance_name));
    await expectMachines(controller, path, names);
  }
  await controller.stop();
}, 300_000);
