import { createHash, randomBytes } from 'node:crypto';
import { IndirectAccess, type Machine, type Route } from '@wadi/indirect-access';
import { fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestMachine, TestSandbox } from './open-sandbox.ts';

describe('indirect access to sandbox machines', () => {
  let sandbox: TestSandbox;
  let proxy: TestMachine;
  let workers: TestMachine[];
  let access: IndirectAccess;

  beforeAll(async () => {
    sandbox = await TestSandbox.open();
    proxy = await sandbox.machine('far-proxy-0', true);
    workers = await Promise.all(Array.from({ length: 20 }, (_, i) => sandbox.machine(`far-worker-${i}`)));
    access = new IndirectAccess({
      identity: (credential) => ({
        privateKey: (credential === 'proxy' ? sandbox.proxyKey : sandbox.machineKey).private,
      }),
    });
  });

  afterAll(async () => {
    await access.close();
    await sandbox.close();
  });

  const describeMachine = ({ id, name, facts }: TestMachine): Machine => ({
    id,
    name,
    host: facts.managementIp ?? facts.internalIp,
    port: facts.managementPort ?? facts.sshPort,
    user: facts.loginUser,
    credential: facts.managementIp ? 'proxy' : 'machine',
    hostKey: { kind: 'pinned', keys: facts.hostKeys },
  });
  const through = (machine: TestMachine): Route => ({
    hops: [
      { kind: 'tcp', allow: ['127.0.0.1/32'] },
      { kind: 'ssh', machine: describeMachine(proxy), relay: 'auto' },
    ],
    machine: describeMachine(machine),
  });
  const toProxy = (): Route => ({ hops: [{ kind: 'tcp' }], machine: describeMachine(proxy) });
  const first = () => workers[0] as TestMachine;

  it('runs a command on all of them over one connection to the proxy', async () => {
    const results = await Promise.all(workers.map((worker) => access.exec(through(worker), ['hostname'])));
    expect(results.map(({ stdout }) => stdout.toString())).toEqual(workers.map(({ name }) => `${name}\n`));
    const views = await sandbox.cloud.list();
    expect(views.find(({ is_proxy }) => is_proxy)).toMatchObject({ connections: 1, open_channels: 20 });
    expect((await access.exec(toProxy(), 'hostname')).stdout.toString()).toBe(`${proxy.name}\n`);
  });

  it('passes standard input and large output through, unchanged', async () => {
    const data = randomBytes(8 * 1024 * 1024);
    const result = await access.exec(through(first()), 'cat', { stdin: data, maxOutputBytes: data.length });
    expect(result.stdout.equals(data)).toBe(true);
  });

  it('writes, reads and changes files', async () => {
    const files = access.files(through(first()));
    const data = randomBytes(4 * 1024 * 1024);
    await files.write("a 'file'", data);
    const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(sum(await files.read("a 'file'"))).toBe(sum(data));
    await files.write('text', 'one\ntwo\n');
    await files.append('text', 'three\n');
    expect(await files.replace('text', 'two', '2')).toBe(1);
    expect((await files.read('text')).toString()).toBe('one\n2\nthree\n');
    await expect(files.read('nothing')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it("fetches every machine's page", async () => {
    for (const worker of workers.slice(0, 5)) {
      const dispatcher = access.dispatcher(through(worker));
      const answer = await fetch('http://machine:8080/status.json', { dispatcher });
      expect(await answer.json()).toMatchObject({ name: worker.name, came_through: proxy.name });
      await dispatcher.close();
    }
  });

  it('learns that nobody is root there', async () => {
    await expect(access.exec(through(first()), ['id'], { asRoot: true })).rejects.toMatchObject({
      code: 'SUDO_REFUSED',
    });
  });

  it('is told when nothing listens behind the proxy, without trying another relay', async () => {
    await expect(access.tunnel(through(first()), { port: 81 })).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
  });

  it('names the proxy when that is off, and works again when it is back', async () => {
    await sandbox.cloud.stopMachine(proxy.id);
    const error = await access.exec(through(first()), ['hostname']).catch((reason) => reason);
    expect(error).toMatchObject({ hop: proxy.name });
    await sandbox.cloud.startMachine(proxy.id);
    const { stdout } = await access.exec(through(first()), ['hostname']);
    expect(stdout.toString()).toBe(`${first().name}\n`);
  });
});
