import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { runWadi } from './run-wadi.ts';

vi.setConfig({ testTimeout: 120_000 });

let lab: Lab;
let controller: Controller;
let folder: string;
let door: { host: string; port: number };
const wadi = (...args: string[]) => runWadi(args, { data: controller.data });

beforeAll(async () => {
  lab = await labUp({ machines: 4 });
  controller = await startController({ args: ['--allow-network', '127.0.0.0/8'] });
  door = await lab.door(lab.inventory.proxies[0]?.name ?? '');
  folder = path.join(controller.data, '..', 'import');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'key'), lab.privateKey, { mode: 0o600 });
  plantSecret('lab-key', lab.privateKey.split('\n')[3] ?? '');
  const [proxy] = lab.inventory.proxies;
  const lines = lab.inventory.machines.flatMap((machine) =>
    machine.hostKeys.map((key) => `${machine.internalIp} ${key}`),
  );
  const listed = (proxy?.hostKeys ?? []).map((key) => `[${door.host}]:${door.port} ${key}`);
  writeFileSync(path.join(folder, 'known_hosts'), `${[...lines, ...listed].join('\n')}\n`);
}, 180_000);

afterAll(async () => {
  await controller?.stop();
  await lab?.down();
}, 120_000);

function describeLab(name: string, changes = ''): string {
  const file = path.join(folder, `${name}.yaml`);
  const machines = lab.inventory.machines
    .slice(0, 2)
    .map((machine) => `  - {name: ${machine.name}, address: ${machine.internalIp}, node_group: db}`);
  const bastion = `  - {name: bastion, address: ${door.host}, port: ${door.port}, is_proxy: true}`;
  const head = `name: ${name}\nuser: ${lab.inventory.user}\nidentity: key\n`;
  writeFileSync(file, `${head}${changes}machines:\n${[bastion, ...machines].join('\n')}\n`);
  return file;
}

describe('wadi cluster import', () => {
  it('makes a cluster of machines that exist, with keys from a file and host keys from known_hosts', async () => {
    const file = describeLab('lab', 'known_hosts: known_hosts\n');
    execFileSync('/usr/bin/ssh-keygen', ['-q', '-H', '-f', path.join(folder, 'known_hosts')], {
      stdio: 'ignore',
    });
    expect(readFileSync(path.join(folder, 'known_hosts'), 'utf8')).toContain('|1|');
    const imported = await wadi('cluster', 'import', file, '--wait', '--json');
    expect(imported.stderr).toContain('lab: Active');
    expect(imported.code).toBe(0);
    expect(JSON.parse(imported.stdout)).toMatchObject({ name: 'lab', status: 'Active', plugin_name: 'bare' });
    const [first] = lab.inventory.machines;
    const { stdout } = await wadi('instances', 'lab');
    expect(stdout).toMatch(new RegExp(`^${first?.name} +db .* given +tcp > bastion > ${first?.name}$`, 'm'));
    const run = await wadi('run', 'lab', '-w', 'db', '--', 'hostname; whoami');
    expect(run.code).toBe(0);
    for (const { name } of lab.inventory.machines.slice(0, 2))
      expect(run.stdout).toContain(`${name}: ${name}\n`);
    expect(await wadi('run', 'lab', '-b', '--root', '--', 'id -u')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\(3\)\n0\n$/),
    });
    const page = await wadi('http', `lab/${first?.name}:${lab.inventory.httpPort}/`);
    expect(page.stdout).toContain(`hello from ${first?.name}`);
  });

  it('reaches it by another method when it is told so, and by the old one again', async () => {
    const file = describeLab('ways', 'known_hosts: known_hosts\naccess: { relay: nc }\n');
    expect((await wadi('cluster', 'import', file, '--wait')).code).toBe(0);
    const shown = await wadi('cluster', 'access', 'ways');
    expect(shown.stdout).toBe('ways: by fixed_ip, as the controller has it\n  relay          nc\n');
    const command = ['--method', 'proxy_command', '--proxy-command'];
    const wrong = await wadi('cluster', 'access', 'ways', ...command, 'nc {hst} {port}');
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain("proxy_command: unknown key '{hst}' at position 4");
    const changed = await wadi('cluster', 'access', 'ways', ...command, 'nc {host} {port}');
    expect(changed.stdout).toContain(
      'ways: by proxy_command\n  proxy command  nc {host} {port}\n  relay          nc',
    );
    expect((await wadi('run', 'ways', '-b', '--', 'hostname')).code).toBe(0);
    const { stdout } = await wadi('instances', 'ways');
    expect(stdout).toContain('command > bastion > ');
    const before = await wadi('cluster', 'access', 'ways', '--method', 'default', '--json');
    expect(JSON.parse(before.stdout)).toMatchObject({
      settings: { relay: 'nc' },
      effective: { method: 'fixed_ip' },
    });
    expect((await wadi('cluster', 'delete', 'ways', '--wait')).code).toBe(0);
  });

  it('tells of machines that are spare, at once or later', async () => {
    const file = describeLab('growing', 'known_hosts: known_hosts\n');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/(machine-2.*)}/, '$1, spare: true}'));
    expect(await wadi('cluster', 'import', file, '--wait')).toMatchObject({ code: 0 });
    const more = path.join(folder, 'more.yaml');
    const head = `user: ${lab.inventory.user}\nidentity: key\nknown_hosts: known_hosts\nmachines:\n`;
    const lines = lab.inventory.machines
      .slice(2)
      .map(({ name, internalIp }) => `  - {name: ${name}, address: ${internalIp}, node_group: db}\n`);
    writeFileSync(more, `${head}${lines.join('')}`);
    const added = await wadi('cluster', 'add-machines', 'growing', more);
    const rows = /^machine-3 +db .* given +spare\nmachine-4 .* spare$/m;
    expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(rows) });
    const whole = await wadi('cluster', 'add-machines', 'growing', file);
    expect(whole).toMatchObject({ code: 2, stderr: expect.stringContaining('"name" is not known') });
    const { stdout } = await wadi('cluster', 'machines', 'growing');
    expect(stdout).toMatch(/^machine-1 .* in use\nmachine-2 .* spare\nmachine-3 .* spare\n/m);
    const tooMany = await wadi('cluster', 'scale', 'growing', 'db=5');
    expect(tooMany).toMatchObject({ code: 4, stderr: expect.stringContaining('of which it has 3') });
  });

  it('and takes them and gives them back when the cluster is scaled', async () => {
    expect(await wadi('cluster', 'scale', 'growing', 'db=3', '--wait')).toMatchObject({ code: 0 });
    const { stdout } = await wadi('run', 'growing', '-w', 'db', '--', 'hostname');
    const names = ['machine-1', 'machine-2', 'machine-3'];
    expect(stdout.trimEnd().split('\n').sort()).toEqual(names.map((name) => `${name}: ${name}`));
    const used = await wadi('cluster', 'remove-machines', 'growing', 'machine-2');
    const hint = 'wadi cluster scale growing db=COUNT --remove machine-2';
    expect(used).toMatchObject({ code: 4, stderr: expect.stringContaining(hint) });
    const down = await wadi('cluster', 'scale', 'growing', 'db=2', '--remove', 'machine-2', '--wait');
    expect(down).toMatchObject({ code: 0 });
    expect(await wadi('cluster', 'remove-machines', 'growing', 'machine-[2,4]')).toMatchObject({ code: 0 });
    const left = JSON.parse((await wadi('cluster', 'machines', 'growing', '--json')).stdout);
    expect(left.map(({ name, state }: { name: string; state: string }) => `${name} ${state}`)).toEqual([
      ...['machine-1 in use', 'machine-3 in use', 'bastion in use'],
    ]);
  });

  it('asks for host keys that nobody knows, and takes them at first contact when told', async () => {
    const file = describeLab('trusting', 'known_hosts: /dev/null\n');
    const refused = await wadi('cluster', 'import', file);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--trust-first-contact') });
    const imported = await wadi('cluster', 'import', file, '--trust-first-contact', '--wait');
    expect(imported).toMatchObject({ code: 0, stderr: expect.stringContaining('trusting: Active') });
    expect((await wadi('instances', 'trusting')).stdout).toMatch(/^bastion .* first-contact /m);
    expect(await wadi('cluster', 'delete', 'trusting', '--wait')).toMatchObject({ code: 0 });
  });

  it('ends with 1 when a machine shows another host key than the known one', async () => {
    const other = lab.inventory.machines[0]?.hostKeys[0] ?? '';
    writeFileSync(path.join(folder, 'wrong'), `[${door.host}]:${door.port} ${other}\n`);
    const file = describeLab('wrong-key', 'known_hosts: wrong\ntrust_first_contact: true\n');
    const { code, stderr } = await wadi('cluster', 'import', file, '--wait');
    expect(code).toBe(1);
    expect(stderr).toContain('bastion');
    expect(stderr).toContain('HOST_KEY_MISMATCH');
  });

  it('does not ask for a passphrase without a terminal', async () => {
    const key = path.join(folder, 'protected');
    execFileSync('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', key]);
    const file = describeLab('protected-key', 'known_hosts: known_hosts\n');
    writeFileSync(file, readFileSync(file, 'utf8').replace('identity: key', 'identity: protected'));
    const { code, stderr } = await wadi('cluster', 'import', file);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('passphrase') });
  });
});
