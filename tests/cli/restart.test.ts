import net from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { runWadi } from './run-wadi.ts';

vi.setConfig({ testTimeout: 120_000 });

let controller: Controller;
let listen: string;

beforeAll(async () => {
  listen = `127.0.0.1:${await freePort()}`;
  controller = await startController({ args: ['--sandbox'], listen });
  const file = '-'; // standard input
  const yaml = `
name: c
plugin_name: bare
plugin_version: "1.0"
node_groups:
  - {name: gate, flavor_id: "1", node_processes: [proxy], count: 1, is_proxy: true}
  - {name: inner, flavor_id: "1", node_processes: [machine], count: 1}
`;
  const args = ['cluster', 'create', '-f', file, '--wait'];
  const { code, stderr } = await runWadi(args, { data: controller.data, input: yaml });
  if (code !== 0) throw new Error(stderr);
}, 180_000);

afterAll(async () => {
  await controller?.stop();
});

it('a run whose controller was killed ends as unknown when the next one is there, and is not run again', async () => {
  const { data } = controller;
  const shared = { url: controller.databaseUrl ?? '' };
  let restarted: Promise<Controller> | undefined;
  const restart = async () => {
    await controller.kill();
    controller = await startController({ args: ['--sandbox'], listen, data, database: shared });
    return controller;
  };
  const ended = await runWadi(['run', 'c', '-w', 'inner', '--', 'echo begun; sleep 100'], {
    data,
    onStart: (child, output) => {
      child.stdout?.on('data', () => {
        if (output().includes('begun')) restarted ??= restart();
      });
    },
  });
  await restarted;
  expect(ended.code).toBe(3);
  expect(ended.stdout).toBe('c-inner-0: begun\n');
  expect(ended.stderr).toContain('c-inner-0: unknown');
  expect(await runWadi(['run', 'c', '--', 'true'], { data })).toMatchObject({ code: 0 });
});

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
