import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { expect, inject, test } from 'vitest';
import { isRunning, processesNaming, processTree } from '../set-up/processes.ts';
import {
  type Controller,
  launchController,
  newDataDirectory,
  startController,
} from '../set-up/start-controller.ts';

const isRoot = process.getuid?.() === 0;

test('Ctrl-C leaves no process, no port, no lock, no socket directory', async () => {
  const controller = await startController({ database: 'own' });
  const tree = processTree(controller.pid);
  const sockets = socketDirectory(controller.data);
  expect(tree.length).toBeGreaterThan(3);
  expect(existsSync(sockets)).toBe(true);
  expect(await controller.stop()).toBe(0);
  expect(tree.filter(isRunning)).toEqual([]);
  expect(processesNaming(controller.data)).toEqual([]);
  expect(existsSync(sockets)).toBe(false);
  expect(await isOpen(controller.url)).toBe(false);
  expect(readdirSync(controller.data).sort()).toEqual([
    'master.key',
    'postgres',
    'postgres.log',
    'token',
    'wadi.log',
  ]);
});

test('the same Ctrl-C heard twice, from the terminal and from npm, is one', async () => {
  const controller = await startController({ database: 'own' });
  controller.process.kill('SIGINT');
  controller.process.kill('SIGTERM');
  expect(await controller.stop()).toBe(0);
  expect(processesNaming(controller.data)).toEqual([]);
  expect(existsSync(path.join(controller.data, 'controller.lock'))).toBe(false);
});

test('Ctrl-C in the first moments leaves nothing either', async () => {
  for (const milliseconds of [300, 900, 1500]) {
    const data = newDataDirectory();
    const launched = launchController({ data });
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    await launched.stop();
    expect(processesNaming(realpathSync(data))).toEqual([]);
    expect(existsSync(path.join(data, 'controller.lock'))).toBe(false);
    // Whatever was reached, the next start gets along with it.
    await (await startController({ database: 'own', data })).stop();
  }
}, 120_000);

test('after kill -9 the next start adopts the database that lives on, and knows everything', async () => {
  const first = await startController({ database: 'own' });
  await makeTemplate(first);
  const server = postmaster(first.data);
  await first.kill();
  expect(isRunning(server)).toBe(true);
  const second = await startController({ database: 'own', data: first.data });
  expect(postmaster(first.data)).toBe(server);
  expect(second.token).toBe(first.token);
  await expectTemplate(second);
  await second.stop();
  expect(isRunning(server)).toBe(false);
});

test('after kill -9 of controller and database the next start recovers', async () => {
  const first = await startController({ database: 'own' });
  await makeTemplate(first);
  const server = postmaster(first.data);
  const sockets = socketDirectory(first.data);
  await first.kill();
  process.kill(server, 'SIGKILL');
  const second = await startController({ database: 'own', data: first.data });
  await expectTemplate(second);
  expect(existsSync(sockets)).toBe(false);
  await second.stop();
});

test('a controller whose database is killed exits at once, and the next one works', async () => {
  const first = await startController({ database: 'own' });
  process.kill(postmaster(first.data), 'SIGKILL');
  const status = await new Promise((resolve) => first.process.once('exit', resolve));
  expect([status, status === 75 ? '' : first.output()]).toEqual([75, '']);
  const second = await startController({ database: 'own', data: first.data });
  await second.stop();
});

test('a second controller on the same data directory is refused and told the process of the first', async () => {
  const first = await startController({ database: 'own' });
  const second = launchController({ data: first.data });
  expect(await second.exited).toBe(2);
  expect(second.output()).toContain(`process ${first.pid}`);
  expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
  await first.stop();
});

test('a port that another program has is named, and nothing is left running', async () => {
  const first = await startController();
  const data = newDataDirectory();
  const second = launchController({ data, listen: new URL(first.url).host });
  expect(await second.exited).toBe(2);
  expect(second.output()).toContain(`another program listens on ${new URL(first.url).host}`);
  expect(processesNaming(data)).toEqual([]);
  await first.stop();
});

test('a lock whose process is gone, or whose number another process has now, is taken over', async () => {
  const data = newDataDirectory();
  for (const holder of ['999999999 1', `${process.pid} of another boot:1`, '', 'nonsense']) {
    writeFileSync(path.join(data, 'controller.lock'), `${holder}\n`);
    await (await startController({ data })).stop();
  }
  expect(existsSync(path.join(data, 'controller.lock'))).toBe(false);
}, 60_000);

test('of several that start at once on a stale lock, one wins', async () => {
  const data = newDataDirectory();
  writeFileSync(path.join(data, 'controller.lock'), '999999999 1\n');
  const all = [1, 2, 3].map(() => launchController({ data }));
  const statuses: (number | null)[] = [];
  for (const launched of all) void launched.exited.then((status) => statuses.push(status));
  await expect.poll(() => statuses.length, { timeout: 30_000 }).toBe(2);
  expect(statuses).toEqual([2, 2]);
  const winner = all.find(({ process }) => process.exitCode === null);
  await expect.poll(() => winner?.output(), { timeout: 30_000 }).toContain('Wadi is ready');
  await winner?.stop();
}, 90_000);

test('a data directory deep in the tree works, though a socket path may have 107 bytes', async () => {
  const deep = path.join(
    newDataDirectory(),
    ...Array.from({ length: 6 }, () => 'a-rather-long-directory-name'),
    'data',
  );
  const controller = await startController({ database: 'own', data: deep });
  expect((await fetch(`${controller.url}/readyz`)).status).toBe(200);
  await controller.stop();
});

test.runIf(isRoot)(
  "started by root below a directory of root's own, the database goes where its user may go",
  async () => {
    const parent = mkdtempSync(path.join(inject('runFolder'), 'private-'));
    const data = path.join(parent, 'data');
    const first = await startController({ database: 'own', data });
    await makeTemplate(first);
    const place = realpathSync(path.join(data, 'postgres'));
    expect(place).toMatch(/^\/var\/lib\/wadi\//);
    expect(first.output()).toContain(place);
    await first.kill();
    const second = await startController({ database: 'own', data });
    await expectTemplate(second);
    await second.stop();
    expect(processesNaming(place)).toEqual([]);
  },
);

test.runIf(isRoot)('a parent directory that is closed later takes the database along', async () => {
  const parent = mkdtempSync(path.join(inject('runFolder'), 'closing-'));
  chmodSync(parent, 0o755);
  const data = path.join(parent, 'data');
  const first = await startController({ database: 'own', data });
  await makeTemplate(first);
  await first.stop();
  chmodSync(parent, 0o700);
  const second = await startController({ database: 'own', data });
  await expectTemplate(second);
  await second.stop();
});

test('a first start that was killed while it made the database is no obstacle', async () => {
  const data = newDataDirectory();
  const first = await startController({ database: 'own', data });
  await first.stop();
  const place = path.join(data, 'postgres');
  renameSync(path.join(place, 'data'), path.join(place, 'data.new-12345678'));
  const second = await startController({ database: 'own', data });
  expect(readdirSync(place)).toEqual(['data']);
  await second.stop();
}, 120_000);

test('the second start finds the database that the first one made, and says how long it took', async () => {
  const data = newDataDirectory();
  await (await startController({ database: 'own', data })).stop();
  const made = () => statSync(path.join(data, 'postgres', 'data', 'PG_VERSION')).ino;
  const first = made();
  const controller = await startController({ database: 'own', data });
  const seconds = Number(/after ([0-9.]+) s/.exec(controller.output())?.[1]);
  await controller.stop();
  console.log(`second start: ready after ${seconds} s`);
  expect(seconds).toBeGreaterThan(0);
  expect(made()).toBe(first);
}, 120_000);

test('a data directory that others can write into, or with a readable token, is put right or refused', async () => {
  const data = newDataDirectory();
  chmodSync(data, 0o777);
  const controller = await startController({ data });
  await controller.stop();
  chmodSync(path.join(data, 'token'), 0o644);
  const refused = launchController({ data });
  expect(await refused.exited).not.toBe(0);
  expect(refused.output()).toContain('chmod 600');
});

test('a directory with other files in it is not made a data directory', async () => {
  const directory = newDataDirectory();
  mkdirSync(path.join(directory, 'photos'));
  const refused = launchController({ data: directory });
  expect(await refused.exited).toBe(2);
  expect(refused.output()).toContain('is not empty');
  expect(readdirSync(directory)).toEqual(['photos']);
});

async function makeTemplate(controller: Controller): Promise<void> {
  const answer = await controller.request('POST', '/v2/node-group-templates', {
    name: 'kept',
    plugin_name: 'bare',
    plugin_version: '1.0',
    flavor_id: '1',
    node_processes: ['machine'],
  });
  expect(answer.body).toMatchObject({ node_group_template: { name: 'kept' } });
}

async function expectTemplate(controller: Controller): Promise<void> {
  const { body } = await controller.request('GET', '/v2/node-group-templates');
  expect(body.node_group_templates).toHaveLength(1);
}

function postmasterFile(data: string): string[] {
  return readFileSync(path.join(data, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n');
}

function postmaster(data: string): number {
  return Number(postmasterFile(data)[0]);
}

function socketDirectory(data: string): string {
  return postmasterFile(data)[4] ?? '';
}

function isOpen(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
