import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { runWadi } from './run-wadi.ts';

vi.setConfig({ testTimeout: 180_000 });

let controller: Controller;
let listen: string;
let folder: string;
const inners = ['c-inner-0', 'c-inner-1', 'c-inner-2'];

beforeAll(async () => {
  listen = `127.0.0.1:${await freePort()}`;
  controller = await startController({ args: ['--sandbox'], listen });
  const yaml = `
name: c
plugin_name: bare
plugin_version: "1.0"
node_groups:
  - {name: gate, flavor_id: "1", node_processes: [proxy], count: 1, is_proxy: true}
  - {name: inner, flavor_id: "1", node_processes: [machine], count: 3}
`;
  const created = await wadi(['cluster', 'create', '-f', '-', '--wait'], yaml);
  if (created.code !== 0) throw new Error(created.stderr);
}, 180_000);
afterAll(async () => {
  await controller?.stop();
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-cp-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const wadi = (args: readonly string[], input = '', more: Parameters<typeof runWadi>[1] = {}) =>
  runWadi(args, { data: controller.data, cwd: folder, input, ...more });

function fileOf(bytes: number): { name: string; sha256: string } {
  const content = randomBytes(bytes);
  writeFileSync(path.join(folder, 'file'), content);
  return { name: 'file', sha256: createHash('sha256').update(content).digest('hex') };
}

/** Shell text on all inner machines; what each printed. */
async function onAll(command: string): Promise<string[]> {
  const { stdout } = await wadi(['run', 'c', '-w', 'inner', '--', command]);
  return stdout.split('\n').filter(Boolean).sort();
}

describe('a copy', () => {
  it('to several machines is the same file on each, and nothing else is left there', async () => {
    const { name, sha256 } = fileOf(3_000_000);
    const up = await wadi(['--json', 'cp', name, 'c/inner-[0-1],c-inner-2:', '--mode', '640']);
    expect([up.code, up.stderr]).toEqual([2, expect.stringContaining('names no file')]);
    const copied = await wadi(['--json', 'cp', name, 'c/inner-[0-1],c-inner-2:there', '--mode', '640']);
    expect([copied.code, copied.stderr]).toEqual([0, '']);
    expect(JSON.parse(copied.stdout)).toMatchObject({
      status: 'finished',
      size: 3_000_000,
      offset: 3_000_000,
    });
    const found = await onAll(
      'sha256sum < there | cut -c 1-64; stat -c %a there; ls -A .wadi/transfers 2>/dev/null; :',
    );
    expect(found).toEqual(inners.flatMap((each) => [`${each}: 640`, `${each}: ${sha256}`]).sort());
  });

  it('of no bytes, and into a directory', async () => {
    fileOf(0);
    await onAll('mkdir -p some');
    expect(await wadi(['cp', 'file', 'c/inner-0:some/'])).toMatchObject({ code: 0, stderr: '' });
    expect(await wadi(['cp', 'c/inner-0:some/file', 'empty'])).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(path.join(folder, 'empty'))).toHaveLength(0);
  });

  it('and back is the same file, in its place at once', async () => {
    const { name, sha256 } = fileOf(20_000_001);
    expect(await wadi(['cp', name, 'c/inner-1:big'])).toMatchObject({ code: 0, stderr: '' });
    mkdirSync(path.join(folder, 'back'));
    const down = await wadi(['--json', 'cp', 'c/inner-1:big', 'back']);
    expect([down.code, down.stderr]).toEqual([0, '']);
    expect(JSON.parse(down.stdout)).toMatchObject({ machine: 'c-inner-1', size: 20_000_001, sha256 });
    const there = readFileSync(path.join(folder, 'back/big'));
    expect(createHash('sha256').update(there).digest('hex')).toBe(sha256);
    expect(readdirSync(path.join(folder, 'back'))).toEqual(['big']);
  });
});

describe('is refused in words, with nothing left behind', () => {
  it.each([
    [['cp', 'none', 'c/inner-0:x'], 2, 'cannot read none: ENOENT'],
    [['cp', '.', 'c/inner-0:x'], 2, 'a directory'],
    [['cp', 'file', 'other'], 2, 'neither is on a machine'],
    [['cp', 'c/inner-0:x', 'c/inner-1:x'], 2, 'both are on machines'],
    [['cp', 'file', 'c/outer:x'], 2, 'no machine or node group named outer'],
    [['cp', 'file', 'c/inner-0:x', '--mode', '9'], 2, 'in octal'],
    [['cp', 'c/inner:x', 'y'], 2, 'several machines'],
    [['cp', 'c/inner-0:/none', 'y'], 1, 'No such file'],
    [['cp', 'c/inner-0:/tmp', 'y'], 1, 'Is a directory'],
    [['cp', 'file', 'c/inner-0:/none/x'], 1, 'No such file'],
    [['cp', 'file', 'c/inner:/proc/x'], 1, '3 of 3 do not have the file'],
  ])('%j', async (args, code, words) => {
    fileOf(100);
    const { stderr, ...ended } = await wadi(args);
    expect([ended.code, stderr]).toEqual([code, expect.stringContaining(words)]);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('a link of another kind: through it the file goes to where it points', async () => {
    const { name } = fileOf(10);
    symlinkSync(name, path.join(folder, 'link'));
    expect(await wadi(['cp', 'link', 'c/inner-0:through-link'])).toMatchObject({ code: 0 });
    expect((await onAll('cat through-link 2>/dev/null | wc -c')).join()).toContain('c-inner-0: 10');
  });
});

it('goes on where it was when the controller is killed and started again', async () => {
  const { name, sha256 } = fileOf(80_000_000);
  const { data } = controller;
  const shared = { url: controller.databaseUrl ?? '' };
  let restarted: Promise<number> | undefined;
  const restart = async () => {
    await controller.kill();
    const had = partsOf(data)[0]?.bytes ?? 0;
    controller = await startController({ args: ['--sandbox'], listen, data, database: shared });
    return had;
  };
  const copied = await wadi(['--json', 'cp', name, 'c/inner-0:survivor'], '', {
    deadline: 150_000,
    onStart: (child) => {
      const look = setInterval(() => {
        if (!partsOf(data).some(({ bytes }) => bytes > 8_000_000)) return;
        clearInterval(look);
        restarted = restart();
      }, 20);
      child.once('close', () => clearInterval(look));
    },
  });
  expect([copied.code, copied.stderr]).toEqual([0, '']);
  expect(await restarted).toBeGreaterThan(0);
  expect(await onAll('[ ! -e survivor ] || sha256sum < survivor')).toEqual([`c-inner-0: ${sha256}  -`]);
  expect(partsOf(data)).toEqual([]);
});

/** What machines of the sandbox have of uploads that are not done. */
function partsOf(data: string): { file: string; bytes: number }[] {
  return readdirSync(path.join(data, 'sandbox'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /transfers\/[^/]+\/data$/.test(name))
    .map((name) => path.join(data, 'sandbox', name))
    .filter(existsSync)
    .map((file) => ({ file, bytes: statSync(file).size }));
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
