import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Upload } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';

vi.setConfig({ testTimeout: 240_000 });

/** `npm run test:failover`. */
const everything = process.env.WADI_FAILOVER === 'all';

const portionBytes = 8 * 1024 * 1024;
const content = randomBytes(3 * portionBytes);
const sha256 = createHash('sha256').update(content).digest('hex');
const names = ['machine-1', 'machine-2', 'machine-3', 'machine-4'];
const proxies = ['proxy-1', 'proxy-2'];

let lab: Lab;
let wadi: LabController;
let cluster: string;
let device: string;

beforeAll(async () => {
  lab = await labUp({ machines: names.length, proxies: proxies.length });
  device = await slowDown(lab);
  wadi = await LabController.start(lab);
  cluster = (await wadi.import(importOf(lab, 'spread'))).id;
}, 180_000);
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

/** The way to the proxies, on which copies of the same bytes would wait for each other. */
async function slowDown({ inController }: Lab): Promise<string> {
  const { stdout } = await inController(['ip', '-o', '-4', 'address', 'show', 'to', '198.18.0.0/24']);
  const name = stdout.split(/\s+/)[1] as string;
  const shaped = await inController([
    'tc',
    'qdisc',
    'replace',
    'dev',
    name,
    'root',
    'tbf',
    'rate',
    '50mbit',
    'burst',
    '256kb',
    'latency',
    '100ms',
  ]);
  expect(shaped.stderr).toBe('');
  return name;
}

/** Bytes that went the way to the proxies so far. */
async function sent(): Promise<number> {
  const { stdout } = await lab.inController(['cat', `/sys/class/net/${device}/statistics/tx_bytes`]);
  if (stdout.trim() !== '') return Number(stdout);
  const shown = await lab.inController(['ip', '-s', '-o', 'link', 'show', device]);
  return Number(/TX:.*?\\\s+(\d+)/.exec(shown.stdout)?.[1]);
}

async function begin(file: string): Promise<string> {
  const body = { path: file, size: content.length, sha256, targets: names };
  return (await wadi.request('POST', `/v2/clusters/${cluster}/uploads`, body)).body.upload.id;
}

async function look(id: string): Promise<Upload> {
  return (await wadi.request('GET', `/v2/clusters/${cluster}/uploads/${id}`)).body.upload;
}

/** To the end; `meanwhile` is called while a portion is under way. */
async function sendAll(id: string, meanwhile?: () => Promise<void>): Promise<Upload> {
  let left = meanwhile;
  for (;;) {
    const upload = await look(id);
    if (upload.status !== 'receiving') return upload;
    const headers = {
      'Upload-Offset': String(upload.offset),
      'Content-Type': 'application/offset+octet-stream',
    };
    const body = content.subarray(upload.offset, upload.offset + portionBytes);
    const init = { method: 'PATCH', headers, body };
    const portion = wadi.fetch(`/v2/clusters/${cluster}/uploads/${id}`, init).then((answer) => answer.text());
    if (left && upload.offset > 0) {
      await left();
      left = undefined;
    }
    await portion;
  }
}

async function onEach(command: string, targets = names): Promise<Record<string, string>> {
  const run = await wadi.run(cluster, { command, targets });
  const outputs = targets.map(async (name) => [name, (await wadi.output(run, name)).toString().trim()]);
  return Object.fromEntries(await Promise.all(outputs));
}

async function expectIntact(upload: Upload): Promise<void> {
  expect(upload.targets.map(({ status, error }) => [status, error])).toEqual(names.map(() => ['done', null]));
  const digests = await onEach(`sha256sum < ${upload.path} | cut -c 1-64`);
  expect(digests).toEqual(Object.fromEntries(names.map((name) => [name, sha256])));
}

/** Processes that serve portions end a moment after nobody needs them. */
async function expectNothingOnProxies(): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const serving = (await Promise.all(proxies.map(servingOn))).flat();
    if (serving.length === 0) break;
    if (tries === 50) expect(serving).toEqual([]);
    await sleep(200);
  }
  const files = await onEach('find / -xdev -name "*wadi*" 2>/dev/null | grep -v /.wadi/runs; :', proxies);
  expect(Object.values(files).join('')).not.toMatch(/spread|cipher|portion/);
}

async function servingOn(proxy: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ip', ['netns', 'pids', `${lab.name}-${proxy}`]);
  const commands = stdout
    .split('\n')
    .filter(Boolean)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
  return commands.filter((text) => /getsockname|sockport/.test(text));
}

async function events(): Promise<{ type: string; body: Record<string, unknown> }[]> {
  return (await wadi.request('GET', `/v2/clusters/${cluster}/events`)).body.events.filter(
    ({ type }: { type: string }) => type === 'transfer.not-spread',
  );
}

describe('a file for several machines behind the same proxies', () => {
  it('goes the way to the proxies once, and is whole on each machine', async () => {
    const before = await sent();
    await expectIntact(await sendAll(await begin('once')));
    const bytes = (await sent()) - before;
    expect(bytes).toBeGreaterThan(content.length);
    expect(bytes).toBeLessThan(2 * content.length);
    expect(await events()).toEqual([]);
    await expectNothingOnProxies();
  });

  it('is whole when the proxy is killed while it spreads', async () => {
    const id = await begin('killed');
    let struck = '';
    const upload = await sendAll(id, async () => {
      for (let tries = 0; struck === ''; tries += 1) {
        const serving = await Promise.all(proxies.map(servingOn));
        struck = proxies.find((_, place) => (serving[place]?.length ?? 0) > 0) ?? '';
        expect(tries).toBeLessThan(1000);
      }
      await lab.fault('begin', 'kill', struck);
    }).finally(() => lab.fault('end', 'kill', struck));
    await expectIntact(upload);
    await expectNothingOnProxies();
  });

  it.runIf(everything)('comes the ordinary way to each machine when the cluster wants it so', async () => {
    const set = (spread: boolean) => wadi.request('PUT', `/v2/clusters/${cluster}/access`, { spread });
    expect((await set(false)).status).toBe(200);
    const before = await sent();
    await expectIntact(await sendAll(await begin('each')));
    expect((await sent()) - before).toBeGreaterThan(names.length * content.length);
    await set(true);
  });

  it('comes the ordinary way to a machine that cannot fetch it, which is told', async () => {
    await onEach('true');
    // What such a machine lacks here: a connection to the proxy by another port than that of sshd.
    const rules = [
      ['add', 'table', 'ip', 'no_fetch'],
      ['add', 'chain', 'ip', 'no_fetch', 'out', '{ type filter hook output priority 0 ; }'],
      ['add', 'rule', 'ip', 'no_fetch', 'out', 'tcp', 'sport', '!=', '22', 'reject', 'with', 'tcp', 'reset'],
    ];
    for (const rule of rules) expect(await nft('machine-2', rule)).toBe('');
    const id = await begin('without-one');
    await expectIntact(await sendAll(id));
    await nft('machine-2', ['delete', 'table', 'ip', 'no_fetch']);
    const told = (await events()).filter(({ body }) => body.upload_id === id);
    expect(told.map(({ body }) => body.instance)).toEqual(['machine-2']);
  });
});

async function nft(machine: string, words: readonly string[]): Promise<string> {
  const [program = '', ...rest] = lab.machineArgv(machine, ['nft', ...words]);
  return new Promise((resolve) => execFile(program, rest, (_, __, stderr) => resolve(stderr)));
}
