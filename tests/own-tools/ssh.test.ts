import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { importOf, LabController } from '../access/lab-controller.ts';
import { type Finished, type Lab, labUp } from '../set-up/lab.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const bin = fileURLToPath(new URL('../../packages/cli/bin/wadi.mjs', import.meta.url));

let lab: Lab;
let wadi: LabController;
let folder: string;
let cluster: string;
let config: string;

beforeAll(async () => {
  lab = await labUp({ machines: 2, proxies: 2 });
  wadi = await LabController.start(lab);
  const imported = await wadi.import(importOf(lab, 'blue'));
  expect(imported.status, imported.status_description).toBe('Active');
  cluster = imported.id;
  folder = mkdtempSync(path.join(tmpdir(), "wadi it's 100% "));
  const made = await cli(['ssh-config', 'blue', '--dir', folder, '--identity', lab.inventory.privateKeyPath]);
  expect(made.stderr).toBe('');
  config = path.join(folder, 'blue.conf');
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const cli = (args: readonly string[]): Promise<Finished> =>
  lab.inController([process.execPath, bin, '--data', wadi.controller.data, ...args]);

/** With our file alone, whatever the one who runs this has in his own. */
const ssh = (program: string, args: readonly string[], input?: string): Promise<Finished> =>
  lab.inController([program, '-F', config, ...args], input === undefined ? {} : { input });

describe("with OpenSSH's own programs", () => {
  test('a command runs on every machine, by each of its names, with the pinned host key', async () => {
    const hosts = ['machine-1.blue', 'machine-2', 'proxy-1.blue', 'proxy-2.blue'];
    for (const host of hosts) {
      const result = await ssh('ssh', [host, 'hostname; cat']);
      expect(result, result.stderr).toMatchObject({
        status: 0,
        stdout: `${host.split('.')[0]}\n`,
        stderr: '',
      });
    }
    const { stdout } = await ssh('ssh', ['-G', 'machine-1.blue']);
    expect(stdout).toMatch(/^stricthostkeychecking (yes|true)$/m);
    expect(statSync(config).mode & 0o777).toBe(0o600);
  });

  test('a machine with another host key than the pinned one is refused', async () => {
    const file = path.join(folder, 'blue.known_hosts');
    const right = readFileSync(file, 'utf8');
    const [one, other] = lab.inventory.machines.map(({ hostKeys }) => hostKeys[0]?.split(' ')[1] ?? '');
    writeFileSync(file, right.replace(one ?? '', other ?? ''));
    try {
      const result = await ssh('ssh', ['machine-1.blue', 'hostname']);
      expect(result.status).toBe(255);
      expect(result.stdout).toBe('');
      expect(result.stderr).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
    } finally {
      writeFileSync(file, right);
    }
  });

  test('input, output and status go through, also much of them', async () => {
    const input = 'x'.repeat(5_000_000);
    const result = await ssh('ssh', ['machine-2.blue', 'wc -c; echo sad >&2; exit 9'], input);
    expect(result).toMatchObject({ status: 9, stdout: '5000000\n', stderr: 'sad\n' });
  });

  test('scp and sftp copy both ways', async () => {
    const file = path.join(folder, 'a file');
    writeFileSync(file, 'copied');
    const there = await ssh('scp', ['-q', file, 'machine-1.blue:/tmp/scp-there']);
    expect(there, there.stderr).toMatchObject({ status: 0 });
    const back = await ssh('scp', ['-q', 'machine-1.blue:/tmp/scp-there', `${file} back`]);
    expect(back, back.stderr).toMatchObject({ status: 0 });
    expect(readFileSync(`${file} back`, 'utf8')).toBe('copied');
    const commands = `get /tmp/scp-there "${file} sftp"\n`;
    const got = await ssh('sftp', ['-q', '-b', '-', 'machine-1.blue'], commands);
    expect(got, got.stderr).toMatchObject({ status: 0 });
    expect(readFileSync(`${file} sftp`, 'utf8')).toBe('copied');
  });

  test('rsync copies a thousand files there and back', async () => {
    const source = path.join(folder, 'many');
    mkdirSync(source);
    for (let i = 0; i < 1000; i += 1) writeFileSync(path.join(source, `file ${i}`), `${i}`.repeat(i % 50));
    const config_ = ['-e', `ssh -F '${config.replaceAll("'", "'\"'\"'")}'`];
    // rsync itself splits what -e says, and knows quotes but no backslashes.
    const there = await lab.inController([
      'rsync',
      '-a',
      ...config_,
      `${source}/`,
      'machine-2.blue:/tmp/many',
    ]);
    expect(there, there.stderr).toMatchObject({ status: 0 });
    const copy = path.join(folder, 'copy');
    const back = await lab.inController(['rsync', '-a', ...config_, 'machine-2.blue:/tmp/many/', copy]);
    expect(back, back.stderr).toMatchObject({ status: 0 });
    const contents = (of: string) =>
      readdirSync(of)
        .sort()
        .map((name) => [name, readFileSync(path.join(of, name), 'utf8')]);
    expect(contents(copy)).toEqual(contents(source));
  });

  test('ssh -L leads to a port of an inner machine', async () => {
    const script = [
      'ssh -F "$1" -N -L 18080:127.0.0.1:"$2" -o ExitOnForwardFailure=yes machine-1.blue & pid=$!',
      'for i in $(seq 100); do curl -sf http://127.0.0.1:18080/ && break; sleep 0.1; done',
      'kill $pid',
    ].join('\n');
    const { httpPort } = lab.inventory;
    const page = await lab.inController(['sh', '-c', script, 'sh', config, String(httpPort)]);
    expect(page.stdout).toContain('machine-1');
  });

  test('a session that is opened after its proxy died works without a change', async () => {
    const { body } = await wadi.request('GET', `/v2/clusters/${cluster}/instances`);
    const machine = body.instances.find(({ name }: { name: string }) => name === 'machine-1');
    const proxy = machine.route.hops.at(-1).machine;
    await lab.power('off', proxy);
    try {
      const result = await ssh('ssh', ['machine-1.blue', 'hostname']);
      expect(result, result.stderr).toMatchObject({ status: 0, stdout: 'machine-1\n' });
    } finally {
      await lab.power('on', proxy);
    }
  });

  test('what cannot be reached says why, and keeps nobody waiting', async () => {
    const wrong = await ssh('ssh', ['machine-9.blue', 'true']);
    expect(wrong.status).toBe(255);
    const nobody = await cli(['connect', 'machine-9.blue', '22']);
    expect(nobody.status).toBe(2);
    expect(nobody.stderr).toContain('machine-9');
    const closed = await cli(['connect', 'machine-1.blue', '9']);
    expect(closed.status).toBe(3);
    expect(closed.stderr).toMatch(/^wadi: machine-1 is unreachable/);
    expect(closed.stderr).toContain('refused');
  });
});

test('with ProxyJump alone it works without wadi', async () => {
  // What its own file's path may have in it is more than ssh's ProxyJump can take.
  const dir = mkdtempSync(path.join(tmpdir(), 'wadi-jump-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const made = await cli([
    'ssh-config',
    'blue',
    '--dir',
    dir,
    '-i',
    lab.inventory.privateKeyPath,
    '--proxy-jump',
    '--json',
  ]);
  const { config: file, hosts } = JSON.parse(made.stdout);
  expect(hosts).toHaveLength(4);
  expect(readFileSync(file, 'utf8')).not.toContain('ProxyCommand');
  const result = await lab.inController(['ssh', '-F', file, 'machine-2.blue', 'hostname']);
  expect(result, result.stderr).toMatchObject({ status: 0, stdout: 'machine-2\n' });
});

describe('a port of this computer', () => {
  test('becomes one of a machine, and of its own loopback', async () => {
    const script = [
      '"$1" "$2" --data "$3" forward "$4" --listen 18081 & pid=$!',
      'for i in $(seq 200); do curl -sf http://127.0.0.1:18081/ && break; sleep 0.1; done',
      'kill -INT $pid; wait $pid; echo " status $?"',
    ].join('\n');
    const { httpPort } = lab.inventory;
    for (const address of [`blue/machine-2:${httpPort}`, `blue/machine-2:127.0.0.1:${httpPort}`]) {
      const argv = ['sh', '-c', script, 'sh', process.execPath, bin, wadi.controller.data, address];
      const { stdout } = await lab.inController(argv);
      expect(stdout).toContain('machine-2');
      expect(stdout).toContain(' status 130');
    }
  });
});

test('each is in the audit log, with what went through', async () => {
  const { body } = await wadi.request('GET', '/v2/audit?limit=1000');
  const lines = String(body)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).record);
  const ends = lines.filter(({ access, phase }) => access === 'port' && phase === 'end');
  expect(ends.length).toBeGreaterThan(10);
  expect(ends.map(({ port }) => port)).toContain(22);
  // Whether the last one said its end depends on who was faster: it, or the Ctrl-C.
  const page = ends.find(({ from }) => from === 'machine');
  expect(page.received).toBeGreaterThan(100);
  expect(Math.max(...ends.map(({ sent }) => sent ?? 0))).toBeGreaterThan(5_000_000);
});
