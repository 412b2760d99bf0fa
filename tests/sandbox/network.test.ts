import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestMachine, TestSandbox } from './open-sandbox.ts';

describe("the sandbox's private network", () => {
  let sandbox: TestSandbox;
  let proxy: TestMachine;
  let worker: TestMachine;
  let stranger: TestMachine;

  beforeAll(async () => {
    sandbox = await TestSandbox.open();
    proxy = await sandbox.machine('net-proxy-0', true);
    worker = await sandbox.machine('net-worker-0');
    stranger = await sandbox.machine('other-worker-0', false, randomUUID());
    await sandbox.configure([proxy, worker, stranger]);
  });

  afterAll(() => sandbox.close());

  const request = 'GET /status.json HTTP/1.0\r\n\r\n';
  const forward = (from: string, target: string, stdin = request) =>
    sandbox.run('ssh', ['-W', target, from], stdin);
  const counted = async (machine: TestMachine) =>
    (await sandbox.cloud.list()).find((view) => view.instance_id === machine.id);

  it('lets only proxies listen on this computer', async () => {
    expect(process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap')).toHaveLength(1);
    expect(proxy.facts).toMatchObject({ managementIp: '127.0.0.1' });
    expect(worker.facts).toMatchObject({ managementIp: null, managementPort: null, sshPort: 22 });
    expect(worker.facts.internalIp).toMatch(/^10\./);
  });

  it('serves every machine a web page that knows through which proxy it was reached', async () => {
    const { stdout } = await forward(proxy.name, `${worker.facts.internalIp}:8080`);
    expect(stdout).toContain('HTTP/1.1 200 OK');
    expect(JSON.parse(stdout.split('\r\n\r\n')[1] as string)).toMatchObject({
      name: worker.name,
      address: worker.facts.internalIp,
      came_through: proxy.name,
    });
    const html = await forward(proxy.name, `${worker.facts.internalIp}:8080`, 'GET / HTTP/1.0\r\n\r\n');
    expect(html.stdout).toContain(`<h1>${worker.name}</h1>`);
    const missing = await forward(proxy.name, `${worker.facts.internalIp}:8080`, 'GET /x HTTP/1.0\r\n\r\n');
    expect(missing.stdout).toContain('HTTP/1.1 404');
  });

  it("opens a machine's own loopback from inside its own session", async () => {
    const { stdout } = await forward(worker.name, '127.0.0.1:8080');
    expect(JSON.parse(stdout.split('\r\n\r\n')[1] as string)).toMatchObject({ name: worker.name });
  });

  it('counts the channels that went through the proxy', async () => {
    const before = await counted(proxy);
    await sandbox.run('ssh', [worker.name, 'true']);
    await sandbox.run('ssh', [worker.name, 'true']);
    await sandbox.run('ssh', [proxy.name, 'true']);
    const after = await counted(proxy);
    expect((after?.forwarded_channels ?? 0) - (before?.forwarded_channels ?? 0)).toBe(2);
    await expect.poll(() => counted(proxy)).toMatchObject({ open_channels: 0, connections: 0 });
    await expect.poll(() => counted(worker)).toMatchObject({ connections: 0 });
  });

  it('leads neither to this computer, nor to another cluster, nor to the world', async () => {
    const own = createServer((socket) => socket.end('reached')).listen(0, '127.0.0.1');
    await new Promise((resolve) => own.once('listening', resolve));
    const { port } = own.address() as { port: number };
    const targets = [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `127.0.0.1:${proxy.facts.managementPort}`,
      `${stranger.facts.internalIp}:22`,
      `${stranger.facts.internalIp}:8080`,
      `${worker.facts.internalIp}:80`,
      '169.254.169.254:80',
      '192.0.2.1:22',
      '/tmp/socket:1',
    ];
    for (const target of targets) {
      const result = await forward(proxy.name, target);
      expect(result, target).toMatchObject({ stdout: '' });
      expect(result.status, target).not.toBe(0);
    }
    own.close();
  });

  it('lets in nobody but the holder of the key, under the one user name', async () => {
    const key = (name: string) => ['-o', `IdentityFile=${sandbox.directory}/${name}`];
    const at = (...options: string[]) =>
      sandbox.run('ssh', [
        '-F',
        'none',
        '-p',
        String(proxy.facts.managementPort),
        ...common,
        ...options,
        '127.0.0.1',
        'true',
      ]);
    const common = [
      ...['-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
      ...['-o', `UserKnownHostsFile=${sandbox.directory}/known-hosts`, '-o', `HostKeyAlias=${proxy.name}`],
    ];
    expect(await at('-l', 'wadi', ...key('proxy-key'))).toMatchObject({ status: 0 });
    for (const wrong of [
      await at('-l', 'wadi', ...key('machine-key')),
      await at('-l', 'root', ...key('proxy-key')),
      await at('-l', 'wadi', '-o', 'PubkeyAuthentication=no', ...key('proxy-key')),
    ]) {
      expect(wrong.status).toBe(255);
      expect(wrong.stderr).toContain('Permission denied (publickey)');
    }
  });

  it('is cut when the proxy is off, and whole again, at the same port, when it is back on', async () => {
    const child = sandbox.start('ssh', [worker.name, 'echo on; exec sleep 1000']);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await sandbox.cloud.stopMachine(proxy.id);
    await ended;
    expect((await sandbox.run('ssh', [worker.name, 'true'])).status).toBe(255);
    expect((await sandbox.run('ssh', [proxy.name, 'true'])).status).toBe(255);
    expect(await counted(proxy)).toMatchObject({ running: false, open_channels: 0, connections: 0 });
    await sandbox.cloud.startMachine(proxy.id);
    expect(await sandbox.run('ssh', [worker.name, 'hostname'])).toMatchObject({ stdout: `${worker.name}\n` });
  });

  it('refuses a connection to a machine behind the proxy that is off', async () => {
    await sandbox.cloud.stopMachine(worker.id);
    expect((await sandbox.run('ssh', [worker.name, 'true'])).status).toBe(255);
    expect((await sandbox.run('ssh', [proxy.name, 'hostname'])).stdout).toBe(`${proxy.name}\n`);
    await sandbox.cloud.startMachine(worker.id);
    expect((await sandbox.run('ssh', [worker.name, 'hostname'])).stdout).toBe(`${worker.name}\n`);
  });
});
