import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SandboxCloud } from '../../packages/controller/src/clouds/sandbox/sandbox-cloud.ts';
import { isRunning, TestSandbox } from './open-sandbox.ts';

describe('a sandbox over restarts', () => {
  let sandbox: TestSandbox;

  beforeEach(async () => {
    sandbox = await TestSandbox.open();
  });

  afterEach(() => sandbox.close());

  it('brings machines back with their keys, addresses, ports and files, on or off as they were', async () => {
    const proxy = await sandbox.machine('again-proxy-0', true);
    const worker = await sandbox.machine('again-worker-0');
    const off = await sandbox.machine('again-worker-1');
    await sandbox.configure([proxy, worker, off]);
    await sandbox.run('ssh', [worker.name, 'echo kept >file']);
    await sandbox.cloud.stopMachine(off.id);
    await sandbox.restart();
    expect((await sandbox.run('ssh', [worker.name, 'cat file'])).stdout).toBe('kept\n');
    expect((await sandbox.run('ssh', [off.name, 'true'])).status).toBe(255);
    expect(sandbox.moves).toEqual([]);
    expect(await sandbox.machine(proxy.name, true, sandbox.clusterId, proxy.id)).toEqual(proxy);
    await sandbox.cloud.startMachine(off.id);
    expect((await sandbox.run('ssh', [off.name, 'hostname'])).stdout).toBe(`${off.name}\n`);
  });

  it('tells where a proxy is now when somebody else took its port', async () => {
    const proxy = await sandbox.machine('moved-proxy-0', true);
    await sandbox.cloud.close();
    const squatter = createServer().listen(proxy.facts.managementPort as number, '127.0.0.1');
    await once(squatter, 'listening');
    await sandbox.restart();
    const [view] = await sandbox.cloud.list();
    expect(view?.port).not.toBe(proxy.facts.managementPort);
    expect(sandbox.moves).toEqual([{ instanceId: proxy.id, port: view?.port }]);
    squatter.close();
  });

  it('finds an instance again instead of making a second one, also when asked twice at once', async () => {
    const id = randomUUID();
    const [one, two] = await Promise.all([
      sandbox.machine('once-proxy-0', true, sandbox.clusterId, id),
      sandbox.machine('once-proxy-0', true, sandbox.clusterId, id),
    ]);
    expect(one).toEqual(two);
    expect(await sandbox.cloud.list()).toHaveLength(1);
  });

  it('deletes what is gone already without complaint, and whole clusters', async () => {
    const machine = await sandbox.machine('gone-0');
    await sandbox.machine('gone-1');
    const reference = { instanceId: machine.id };
    await sandbox.cloud.deleteInstance(reference);
    await sandbox.cloud.deleteInstance(reference);
    await sandbox.cloud.deleteCluster({ clusterId: sandbox.clusterId });
    expect(await sandbox.cloud.list()).toEqual([]);
    expect(await readdir(path.join(sandbox.directory, 'sandbox', 'machines'))).toEqual([]);
  });

  it('keeps the files of its machines beside its records where its user can get there', async () => {
    await chmod(sandbox.directory, 0o755);
    const machine = await sandbox.machine('beside-proxy-0', true);
    await sandbox.configure([machine]);
    const { stdout } = await sandbox.run('ssh', [machine.name, 'echo x >file; pwd']);
    expect(stdout).toMatch(new RegExp(`^${sandbox.directory}/sandbox/files/`));
    expect(await readFile(path.join(stdout.trim(), 'file'), 'utf8')).toBe('x\n');
  });

  it.runIf(process.getuid?.() === 0)(
    'removes the files of sandboxes whose data directory was removed',
    async () => {
      const lost = await TestSandbox.open();
      const machine = await lost.machine('lost-proxy-0', true);
      await lost.configure([machine]);
      await lost.run('ssh', [machine.name, `mkdir -p a/b; echo x >a/b/c; ln -s ${sandbox.directory} link`]);
      const folder = await readFile(path.join(lost.directory, 'sandbox', 'folder'), 'utf8');
      await lost.cloud.close();
      expect((await stat(folder)).isDirectory()).toBe(true);
      await rm(lost.directory, { recursive: true });
      await sandbox.machine('found-0');
      await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
      expect((await stat(sandbox.directory)).isDirectory()).toBe(true);
    },
  );

  it('keeps host keys where only its own user can read them', async () => {
    await sandbox.machine('private-0');
    const folder = path.join(sandbox.directory, 'sandbox', 'machines');
    expect((await stat(folder)).mode & 0o077).toBe(0);
    for (const name of await readdir(folder))
      expect((await stat(path.join(folder, name))).mode & 0o077).toBe(0);
  });

  it('ends, after a controller was killed, what that one left running', async () => {
    const program = fileURLToPath(new URL('killed-controller.ts', import.meta.url));
    const options = JSON.stringify({ directory: sandbox.options.directory, apiHost: '127.0.0.1' });
    await sandbox.cloud.close();
    const child = spawn(process.execPath, ['--import', 'tsx', program, options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    const pid = Number(String(line));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isRunning(pid)).toBe(true);
    await sandbox.restart();
    await expect.poll(() => isRunning(pid)).toBe(false);
    expect(await sandbox.cloud.list()).toMatchObject([{ name: 'killed-proxy-0', running: true }]);
    expect(await readdir(path.join(sandbox.directory, 'sandbox', 'processes'))).toEqual([]);
  });

  it('leaves nothing when it closes: no process, no listener, no folder without machines', async () => {
    const proxy = await sandbox.machine('clean-proxy-0', true);
    await sandbox.configure([proxy]);
    const child = sandbox.start('ssh', [proxy.name, 'echo $$; exec sleep 1000']);
    const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data');
    await sandbox.run('scp', [path.join(sandbox.directory, 'config'), `${proxy.name}:x`]);
    const folder = await readFile(path.join(sandbox.directory, 'sandbox', 'folder'), 'utf8');
    await sandbox.cloud.deleteCluster({ clusterId: sandbox.clusterId });
    await sandbox.cloud.close();
    expect(await isRunning(Number(String(line)))).toBe(false);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap')).toEqual([]);
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('what the sandbox refuses', () => {
  it('is an API beyond loopback', () => {
    for (const apiHost of ['0.0.0.0', '::', '192.0.2.1', 'example.org'])
      expect(() => new SandboxCloud({ directory: '/nowhere', apiHost })).toThrow(/loopback/);
  });

  it('is an unknown flavor, and more machines than it has room for', async () => {
    const sandbox = await TestSandbox.open();
    const clusterId = randomUUID();
    const nodeGroups = [
      { name: 'workers', flavorId: '3', count: 3 },
      { name: 'workers', flavorId: 'm1.small', count: 198 },
    ];
    expect(await sandbox.cloud.validate({ clusterId, nodeGroups })).toMatchObject([
      { errorName: 'NOT_FOUND', message: "Requested flavor 'm1.small' not found" },
      { errorName: 'QUOTA_ERROR' },
    ]);
    expect(await sandbox.cloud.validate({ clusterId, nodeGroups: nodeGroups.slice(0, 1) })).toEqual([]);
    await sandbox.close();
  });
});
