import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await labUp({ machines: 2, proxies: 2, without: ['nc'] });
});
afterAll(() => lab?.down());

/** The stock client's arguments, trusting exactly the keys in the inventory. */
function ssh(target: 'proxy' | 'machine', command: string): readonly string[] {
  const { inventory } = lab;
  const [proxy] = inventory.proxies;
  const [machine] = inventory.machines;
  const options = ['-F', '/dev/null', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'];
  options.push('-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-i', inventory.privateKeyPath);
  const door = `${inventory.user}@${proxy?.externalIp}`;
  if (target === 'proxy') return ['ssh', ...options, door, command];
  const jump = ['ssh', ...options, '-W', '%h:%p', door].join(' ');
  return ['ssh', ...options, '-o', `ProxyCommand=${jump}`, `wadi@${machine?.internalIp}`, command];
}

test('a machine is reached through the proxy, and not without it', async () => {
  const through = await lab.inController(ssh('machine', 'hostname; id -un; sudo -n id -un'));
  expect(through).toMatchObject({ status: 0, stdout: 'machine-1\nwadi\nroot\n' });
  const direct = await lab.inController([
    'bash',
    '-c',
    `exec 3<>/dev/tcp/${lab.inventory.machines[0]?.internalIp}/22`,
  ]);
  expect(direct.stderr).toContain('Network is unreachable');
  expect((await lab.inController(['ip', 'route', 'show', 'default'])).stdout).toBe('');
});

test('what a machine writes stays in its own memory', async () => {
  const wrote = await lab.inController(
    ssh('machine', 'sudo -n touch /etc/wadi-was-here /usr/bin/wadi-was-here'),
  );
  expect(wrote.status).toBe(0);
  expect(existsSync('/etc/wadi-was-here') || existsSync('/usr/bin/wadi-was-here')).toBe(false);
  const saw = await lab.inController(ssh('machine', 'ls /home /var; sudo -n ls -a /root; ls /etc/ssh'));
  expect(saw.stdout.split('\n')).not.toContain('id_ed25519');
  expect(saw.stdout).not.toContain('.bashrc');
  const breakOut = await lab.inController(
    ssh('machine', 'sudo -n mount -t tmpfs none /mnt; sudo -n mknod disk b 254 0'),
  );
  expect(breakOut.status).not.toBe(0);
});

test('programs are missing on the proxy only', async () => {
  expect((await lab.inController(ssh('proxy', 'command -v nc; command -v ncat'))).stdout).toBe(
    '/usr/bin/ncat\n',
  );
  expect((await lab.inController(ssh('machine', 'command -v nc'))).stdout).toBe('/usr/bin/nc\n');
});

test('connections to the proxy are counted by its kernel', async () => {
  const before = await lab.acceptedConnections('proxy-1');
  await lab.inController(ssh('machine', 'true'));
  expect((await lab.acceptedConnections('proxy-1')) - before).toBe(1);
  expect(await lab.sshConnections('proxy-1')).toBe(0);
});

test('a machine that was switched off is silent, and comes back with the same host key', async () => {
  await lab.power('off', 'machine-1');
  expect((await lab.inController(['timeout', '3', ...ssh('machine', 'true')])).status).not.toBe(0);
  await lab.power('on', 'machine-1');
  await expect
    .poll(async () => (await lab.inController(ssh('machine', 'hostname'))).stdout, { timeout: 10_000 })
    .toBe('machine-1\n');
});

test('taking a lab down removes its namespaces, processes and files, and may be repeated', async () => {
  const other = await labUp({ machines: 1 });
  expect(readdirSync('/run/netns').filter((name) => name.startsWith(`${other.name}-`))).toHaveLength(4);
  await other.down();
  await other.down();
  expect(readdirSync('/run/netns').filter((name) => name.startsWith(`${other.name}-`))).toEqual([]);
  expect(existsSync(other.inventory.directory)).toBe(false);
  expect((await lab.inController(ssh('machine', 'hostname'))).stdout).toBe('machine-1\n');
});

test('a lab whose owner is killed removes itself', async () => {
  const owner = spawn('sleep', ['600'], { stdio: 'ignore' });
  const name = `${lab.name}-owned`;
  execFileSync('lab/netns/lab-up', ['1', '--name', name, '--owner', String(owner.pid)], { stdio: 'pipe' });
  owner.kill('SIGKILL');
  await expect.poll(() => existsSync(`/run/wadi-lab/${name}`), { timeout: 10_000 }).toBe(false);
  expect(readdirSync('/run/netns').filter((one) => one.startsWith(`${name}-`))).toEqual([]);
});
