import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isRunning, type TestMachine, TestSandbox } from './open-sandbox.ts';

const isRoot = process.getuid?.() === 0;
const onLinux = process.platform === 'linux';

describe('commands on sandbox machines', () => {
  let sandbox: TestSandbox;
  let proxy: TestMachine;
  let worker: TestMachine;

  beforeAll(async () => {
    process.env.PLANTED_SECRET = 'planted-secret-in-the-controller';
    sandbox = await TestSandbox.open();
    proxy = await sandbox.machine('one-proxy-0', true);
    worker = await sandbox.machine('one-worker-0');
    await sandbox.configure([proxy, worker]);
  });

  afterAll(async () => {
    delete process.env.PLANTED_SECRET;
    await sandbox.close();
  });

  const run = (command: string, stdin = '') => sandbox.run('ssh', [worker.name, command], stdin);

  it('run for the plain OpenSSH client, through the proxy, and answer with their own names', async () => {
    expect(await run('hostname; uname -n; exit 7')).toEqual({
      status: 7,
      stdout: `${worker.name}\n${worker.name}\n`,
      stderr: '',
    });
    expect((await sandbox.run('ssh', [proxy.name, 'hostname'])).stdout).toBe(`${proxy.name}\n`);
  });

  it('get standard input to its end and keep both outputs apart', async () => {
    const text = 'line\n'.repeat(200_000);
    const result = await run('tr a-z A-Z; echo problem >&2', text);
    expect(result.stdout).toBe(text.toUpperCase());
    expect(result.stderr).toBe('problem\n');
  });

  it('lose nothing when both outputs are larger than the window of the channel', async () => {
    const script =
      'i=0; while [ $i -lt 40 ]; do i=$((i+1)); head -c 200000 /dev/zero | tr "\\0" o; head -c 200000 /dev/zero | tr "\\0" e >&2; done';
    const result = await run(script);
    expect(result.stdout).toBe('o'.repeat(8_000_000));
    expect(result.stderr).toBe('e'.repeat(8_000_000));
  });

  it('end with the signal that ended them', async () => {
    const client = await connect(sandbox, proxy);
    const channel = await exec(client, 'kill -KILL $$');
    channel.resume();
    const [code, signal] = await once(channel, 'exit');
    expect([code, signal]).toEqual([null, 'SIGKILL']);
    client.end();
  });

  it('receive the signals that the client sends, as a group', async () => {
    const client = await connect(sandbox, proxy);
    const channel = await exec(
      client,
      'sh -c "trap \'echo got it; exit 5\' USR1; echo ready; while :; do sleep 0.05; done"',
    );
    let output = '';
    channel.on('data', (data: Buffer) => {
      output += data;
      if (output === 'ready\n') channel.signal('USR1');
    });
    await once(channel, 'close');
    expect(output).toContain('got it');
    client.end();
  });

  it('are ended with their whole group when the connection is lost', async () => {
    const child = sandbox.start('ssh', [worker.name, 'sleep 1000 & sleep 1001 & echo $$; wait']);
    const [first] = await once(child.stdout as NodeJS.ReadableStream, 'data');
    const group = Number(String(first));
    expect(groupIsAlive(group)).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(() => groupIsAlive(group), { timeout: 10_000 }).toBe(false);
  });

  it('may leave a process in the background, which ends with the machine', async () => {
    const { stdout } = await run('sleep 1002 </dev/null >/dev/null 2>&1 & echo $!');
    const pid = Number(stdout);
    expect(await isRunning(pid)).toBe(true);
    await sandbox.cloud.stopMachine(worker.id);
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
    await sandbox.cloud.startMachine(worker.id);
  });

  it.runIf(onLinux)('cannot outlive their machine in a session of their own', async () => {
    const script = 'echo $$; exec sleep 1003 >/dev/null 2>&1';
    const { stdout } = await run(`setsid sh -c '${script}' </dev/null & sleep 0.3`);
    const pid = Number(stdout);
    expect(await isRunning(pid)).toBe(true);
    await sandbox.cloud.stopMachine(worker.id);
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
    await sandbox.cloud.startMachine(worker.id);
  });

  it('see nothing of the environment of the controller', async () => {
    const { stdout } = await run('env');
    const names = stdout.split('\n').flatMap((line) => line.split('=')[0] || []);
    const expected = ['HOME', 'LANG', 'LOGNAME', 'OLDPWD', 'PATH', 'PWD', 'SHELL', 'TMPDIR', 'USER'];
    expect(names.filter((name) => !/^(_|SHLVL|LC_.*)$/.test(name)).sort()).toEqual(
      [...expected, 'WADI_SANDBOX', 'WADI_SANDBOX_MACHINE'].sort(),
    );
    expect(stdout).not.toContain('planted-secret');
  });

  it.runIf(isRoot)('run as nobody when the controller is root', async () => {
    const secret = path.join(sandbox.directory, 'of-root');
    await writeFile(secret, 'hidden', { mode: 0o600 });
    const result = await run(`id -u; id -g; id -G; cat ${secret}`);
    expect(result.stdout).toBe('65534\n65534\n65534\n');
    expect(result.stderr).toContain('Permission denied');
  });

  it('cannot become root: sudo is not there for them', async () => {
    const result = await run('sudo -n id');
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/^sudo: a password is required/);
  });

  it('are refused a terminal, and a shell without one reads its commands', async () => {
    const refused = await sandbox.run('ssh', ['-tt', worker.name, 'echo x']);
    expect(refused.stderr).toContain('PTY allocation request failed');
    expect(await sandbox.run('ssh', ['-T', worker.name], 'hostname\nexit 4\n')).toMatchObject({
      status: 4,
      stdout: `${worker.name}\n`,
    });
  });

  it('fail clearly when they cannot be started', async () => {
    const client = await connect(sandbox, proxy);
    const [code, errors] = await new Promise<[number, string]>((resolve, reject) => {
      client.exec('echo \0', (error, channel) => {
        if (error) return reject(error);
        let text = '';
        channel.stderr.on('data', (data: Buffer) => {
          text += data;
        });
        channel.on('close', (status: number) => resolve([status, text]));
        channel.resume();
      });
    });
    expect(code).toBe(126);
    expect(errors).toContain('cannot be started');
    client.end();
  });
});

async function connect(sandbox: TestSandbox, proxy: TestMachine): Promise<InstanceType<typeof ssh2.Client>> {
  const client = new ssh2.Client();
  // The machine does not wait for our goodbye.
  client.on('error', () => undefined);
  onTestFinished(() => void client.destroy());
  client.connect({
    host: '127.0.0.1',
    port: proxy.facts.managementPort as number,
    username: 'wadi',
    privateKey: sandbox.proxyKey.private,
    hostVerifier: (key: Buffer) => key.toString('base64') === proxy.facts.hostKeys[0]?.split(' ')[1],
  });
  await once(client, 'ready');
  return client;
}

function exec(
  client: InstanceType<typeof ssh2.Client>,
  command: string,
): Promise<import('ssh2').ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}

function groupIsAlive(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}
