import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeKey, startSshd, type TestSshd } from '../../packages/indirect-access/src/test-sshd.ts';
import { runWadi } from '../cli/run-wadi.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const key = makeKey();
let controller: Controller;
let server: TestSshd;
let folder: string;

beforeAll(async () => {
  plantSecret('given-key', key.privateKey);
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-keys-'));
  writeFileSync(path.join(folder, 'keys'), `${key.publicKey}\n`, { mode: 0o600 });
  controller = await startController({ args: ['--sandbox', '--allow-network', '127.0.0.0/8'] });
  // It runs no commands, as a proxy that is only jumped through, so its keys are its owner's to write.
  const config = ['ForceCommand /bin/false', `AuthorizedKeysFile ${path.join(folder, 'keys')}`];
  server = await startSshd('door', key, config);
});
afterAll(async () => {
  await controller?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const wadi = (...args: string[]) => runWadi(args, { data: controller.data });

test('the command says which line a machine needs where Wadi cannot write it, and ends well once it has that', async () => {
  const { user, port } = server.machine();
  const machine = { name: 'door', address: '127.0.0.1', port, user, identity: 'a', is_proxy: true };
  const body = {
    name: 'by-hand',
    identities: { a: { private_key: key.privateKey } },
    machines: [{ ...machine, host_keys: [server.hostKey] }],
  };
  const { body: imported } = await controller.request('POST', '/v2/clusters/import', body);
  await expect
    .poll(
      async () =>
        (await controller.request('GET', `/v2/clusters/${imported.cluster.id}`)).body.cluster.status,
      { timeout: 60_000 },
    )
    .toBe('Active');

  const waiting = await wadi('keys', 'rotate-management', 'by-hand');
  expect([waiting.code, waiting.stdout]).toEqual([1, expect.stringContaining('is waiting: 0/1 machines.')]);
  expect(waiting.stdout).toContain('door (pending)');
  const listed = await wadi('--json', 'keys', 'rotations', 'by-hand');
  const [rotation] = JSON.parse(listed.stdout);
  const [line] = /ssh-ed25519 .*/.exec(rotation.machines[0].problem.hint) ?? [];
  expect(waiting.stdout).toContain(line);
  appendFileSync(path.join(folder, 'keys'), `${line}\n`);
  const done = await wadi('keys', 'rotate-management', 'by-hand');
  expect([done.code, done.stdout]).toEqual([0, `Rotation ${rotation.id} is finished: 1/1 machines.\n`]);
  expect((await wadi('keys', 'rotations', 'by-hand')).stdout).toMatch(/management +finished +1\/1/);
});

test('machines of the sandbox keep their keys, and one that there is not is named', async () => {
  const group = { count: 1, node_processes: ['proxy'], is_proxy: true };
  const { body } = await controller.request('POST', '/v2/clusters', {
    ...{ name: 'boxed', plugin_name: 'bare', plugin_version: '1.0' },
    node_groups: [{ name: 'proxy', flavor_id: '1', ...group }],
  });
  const shown = () => controller.request('GET', `/v2/clusters/${body.cluster.id}`);
  await expect.poll(async () => (await shown()).body.cluster.status, { timeout: 60_000 }).toBe('Active');
  for (const kind of ['rotate-management', 'rotate-host']) {
    const { code, stderr } = await wadi('keys', kind, 'boxed');
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining('keep their keys for good')]);
    expect(code).not.toBe(0);
  }
  const unknown = await wadi('keys', 'rotate-host', 'boxed', 'nobody');
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('nobody')]);
});
