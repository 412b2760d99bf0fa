import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Upload } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, type LabFault, labUp } from '../set-up/lab.ts';

vi.setConfig({ testTimeout: 240_000 });

/** `npm run test:failover`; else one of each kind. */
const everything = process.env.WADI_FAILOVER === 'all';

const cli = fileURLToPath(new URL('../../packages/cli/bin/wadi.mjs', import.meta.url));
const content = randomBytes(24 * 1024 * 1024 + 1);
const sha256 = createHash('sha256').update(content).digest('hex');
const names = ['machine-1', 'machine-2', 'machine-3'];
const proxies = ['proxy-1', 'proxy-2'];
/** Bytes of one portion, and of a piece of it. */
const portionBytes = 8 * 1024 * 1024;
const pieceBytes = 128 * 1024;

let lab: Lab;
let wadi: LabController;
let cluster: string;

beforeAll(async () => {
  lab = await labUp({ machines: names.length, proxies: proxies.length });
  wadi = await LabController.start(lab);
  cluster = (await wadi.import(importOf(lab, 'transfers'))).id;
}, 180_000);
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

async function begin(file: string, more: object = {}): Promise<Upload> {
  const body = { path: file, size: content.length, sha256, targets: names, ...more };
  const answer = await wadi.request('POST', `/v2/clusters/${cluster}/uploads`, body);
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
  return answer.body.upload;
}

async function look(id: string): Promise<Upload> {
  return (await wadi.request('GET', `/v2/clusters/${cluster}/uploads/${id}`)).body.upload;
}

/** `half` is awaited once in the middle of the portion, with bytes on their way. */
async function send(id: string, offset: number, bytes: Buffer, half?: () => Promise<void>) {
  async function* body() {
    let waits = half;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      if (at >= bytes.length / 2 && waits) {
        await waits();
        waits = undefined;
      }
      yield bytes.subarray(at, at + pieceBytes);
    }
  }
  const headers = {
    'Upload-Offset': String(offset),
    'Content-Type': 'application/offset+octet-stream',
    'Content-Length': String(bytes.length),
  };
  const init = { method: 'PATCH', headers, body: body(), duplex: 'half' as const };
  const answer = await wadi.fetch(`/v2/clusters/${cluster}/uploads/${id}`, init);
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) };
}

/** To the end, as a client does that asks where to go on; in the middle of the file `half` happens. */
async function sendAll(
  id: string,
  half: () => Promise<void>,
): Promise<{ upload: Upload; offsets: number[] }> {
  const offsets: number[] = [];
  let fault: (() => Promise<void>) | undefined = half;
  for (;;) {
    const upload = await look(id);
    if (upload.status !== 'receiving') return { upload, offsets };
    const { offset } = upload;
    offsets.push(offset);
    const bytes = content.subarray(offset, offset + portionBytes);
    if (offset < portionBytes || !fault) {
      await send(id, offset, bytes);
      continue;
    }
    const happens = fault;
    fault = undefined;
    let over: Promise<void> = Promise.resolve();
    // It may well cost the connection to the controller.
    await send(id, offset, bytes, () => (over = happens())).catch(() => undefined);
    await over;
  }
}

/** What a command prints on each machine. */
async function onEach(command: string): Promise<Record<string, string>> {
  const run = await wadi.run(cluster, { command, targets: names });
  const outputs = names.map(async (name) => [name, (await wadi.output(run, name)).toString().trim()]);
  return Object.fromEntries(await Promise.all(outputs));
}

async function expectIntact(file: string): Promise<void> {
  const everywhere = (text: string) => Object.fromEntries(names.map((name) => [name, text]));
  expect(await onEach(`sha256sum < ${file} | cut -c 1-64`)).toEqual(everywhere(sha256));
  // Removed beside the work.
  const end = performance.now() + 30_000;
  for (let left = {}; ; await sleep(200)) {
    left = await onEach('find . -xdev -name ".wadi-*" 2>/dev/null; ls -A .wadi/transfers 2>/dev/null; :');
    if (Object.values(left).every((text) => text === '')) return;
    if (performance.now() > end) expect(left).toEqual(everywhere(''));
  }
}

/** Through which machines are reached at this moment. */
function carriers({ targets }: Upload): string[] {
  return targets.flatMap(({ route, active }) =>
    active ? proxies.filter((name) => route?.includes(name)) : [],
  );
}

/** The same, once bytes are on their way to all machines. */
async function allCarried(id: string): Promise<string[]> {
  let carrying: string[] = [];
  const count = async () => {
    carrying = carriers(await look(id));
    return carrying.length;
  };
  await expect.poll(count, { timeout: 30_000, interval: 50 }).toBe(names.length);
  return carrying;
}

describe('an upload to several machines', () => {
  it.each<LabFault>(everything ? ['kill', 'freeze', 'drop', 'reject'] : ['freeze'])(
    'is intact on all of them when a proxy on the way meets: %s',
    async (kind) => {
      const { id } = await begin(`through-${kind}`);
      let struck = '';
      const { upload, offsets } = await sendAll(id, async () => {
        const carrying = await allCarried(id);
        struck = carrying[0] as string;
        await lab.fault('begin', kind, struck);
      }).finally(() => lab.fault('end', kind, struck));
      expect(upload.targets.map(({ status, error }) => [status, error])).toEqual(
        names.map(() => ['done', null]),
      );
      // It went on where machines were: nothing was begun anew.
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(offsets.filter((offset) => offset === 0)).toHaveLength(1);
      await expectIntact(`through-${kind}`);
    },
  );

  it('goes on with another controller when the first one was killed', async () => {
    const { id } = await begin('killed');
    const { upload, offsets } = await sendAll(id, async () => {
      await allCarried(id);
      const { data, databaseUrl } = wadi.controller;
      await wadi.kill();
      wadi = await LabController.start(lab, {
        data,
        ...(databaseUrl ? { database: { url: databaseUrl } } : {}),
      });
    });
    expect(upload.status).toBe('finished');
    expect(offsets.filter((offset) => offset === 0)).toHaveLength(1);
    await expectIntact('killed');
    const ends = await wadi.audited((record) => record.id === id && record.phase === 'end');
    expect(ends.map(({ instance, status, bytes }) => [instance, status, bytes]).sort()).toEqual(
      names.map((name) => [name, 'done', content.length]),
    );
  });

  it.runIf(everything)('is done where it can be when one machine is lost for good', async () => {
    const { id } = await begin('without-one');
    for (const proxy of proxies) await lab.fault('begin', 'cut', proxy, 'machine-3');
    try {
      const { upload } = await sendAll(id, async () => {});
      expect(upload.targets.map(({ status }) => status)).toEqual(['done', 'done', 'failed']);
      expect(upload.targets[2]?.error).toMatchObject({ message: expect.stringContaining('machine-3') });
    } finally {
      for (const proxy of proxies) await lab.fault('end', 'cut', proxy, 'machine-3');
    }
  });

  it('that begins at another byte than it goes on with is refused, and told where', async () => {
    const { id } = await begin('elsewhere', { targets: ['machine-1'] });
    expect(await send(id, 0, content.subarray(0, 1000))).toMatchObject({ status: 200 });
    for (const offset of [0, 999, 1001, content.length - 1]) {
      const refused = await send(id, offset, content.subarray(offset, offset + 1));
      expect([refused.status, refused.body.error_name, refused.body.upload_offset]).toEqual([
        409,
        'UPLOAD_OFFSET',
        1000,
      ]);
      expect(refused.headers.get('upload-offset')).toBe('1000');
    }
    const { body } = await wadi.request('DELETE', `/v2/clusters/${cluster}/uploads/${id}`);
    expect(body.upload.status).toBe('cancelled');
    expect(await send(id, 1000, content.subarray(1000, 1001))).toMatchObject({ status: 409 });
    expect((await onEach('ls -A .wadi/transfers; ls -d elsewhere 2>/dev/null; :'))['machine-1']).toBe('');
  });

  it('is refused by a machine on which somebody else changed the file meanwhile', async () => {
    const { id } = await begin('contended');
    await send(id, 0, content.subarray(0, portionBytes));
    await wadi.run(cluster, { command: 'echo mine > contended', targets: ['machine-2'] });
    const { upload } = await sendAll(id, async () => {});
    expect(upload.targets.map(({ status, error }) => [status, error?.code])).toEqual([
      ['done', undefined],
      ['failed', 'FILE_CHANGED'],
      ['done', undefined],
    ]);
    expect((await onEach('cat contended | head -c 5'))['machine-2']).toBe('mine');
  });

  it('whose bytes are others than announced is refused, and nothing of it is kept', async () => {
    const { id } = await begin('other', { size: 10, sha256: '0'.repeat(64) });
    const { body } = await send(id, 0, content.subarray(0, 10));
    expect(body.upload.targets.map(({ error }: Upload['targets'][number]) => error?.code)).toEqual(
      names.map(() => 'WRONG_DIGEST'),
    );
    expect(new Set(Object.values(await onEach('ls other 2>/dev/null; ls -A .wadi/transfers; :')))).toEqual(
      new Set(['']),
    );
  });

  it('follows no link that was put in the way of what is kept of it', async () => {
    const { id } = await begin('trapped');
    await send(id, 0, content.subarray(0, 1000));
    const trap = `echo precious > victim; cd .wadi/transfers/${id} && rm data && ln -s ~/victim data`;
    await wadi.run(cluster, { command: trap, targets: names });
    const { body } = await send(id, 1000, content.subarray(1000, 2000));
    expect(body.upload.targets.map(({ error }: Upload['targets'][number]) => error?.code)).toEqual(
      names.map(() => 'FILE_FAILED'),
    );
    expect(new Set(Object.values(await onEach('cat victim')))).toEqual(new Set(['precious']));
  });

  it('of no bytes is done with the first, empty portion', async () => {
    const { id } = await begin('empty', { size: 0, sha256: createHash('sha256').digest('hex') });
    expect((await send(id, 0, Buffer.alloc(0))).body.upload.status).toBe('finished');
    expect(new Set(Object.values(await onEach('wc -c < empty')))).toEqual(new Set(['0']));
  });
});

describe('a download', () => {
  it('goes on by other ways when every proxy was killed in turn under it, and is intact', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'wadi-download-'));
    const made = 'head -c 200000000 /dev/urandom > large; sha256sum < large';
    const { 'machine-1': digest = '' } = await onEach(made);
    const words = ['--json', '--data', wadi.controller.data, 'cp', 'transfers/machine-1:large', folder];
    const [program = '', ...argv] = lab.controllerArgv([process.execPath, cli, ...words]);
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    const ended = once(child, 'close');
    try {
      const part = () => readdirSync(folder).map((name) => statSync(path.join(folder, name)).size)[0] ?? 0;
      while (part() < 1_000_000 && child.exitCode === null) await sleep(2);
      // It reads no more, so that it is under way as long as the faults last.
      process.kill(child.pid as number, 'SIGSTOP');
      expect(part()).toBeLessThan(200_000_000);
      for (const proxy of proxies) {
        await lab.fault('begin', 'kill', proxy);
        await lab.fault('end', 'kill', proxy);
      }
      process.kill(child.pid as number, 'SIGCONT');
      expect([(await ended)[0], said]).toEqual([0, expect.stringContaining(digest.slice(0, 64))]);
      expect(readdirSync(folder)).toEqual(['large']);
      const copied = readFileSync(path.join(folder, 'large'));
      expect(createHash('sha256').update(copied).digest('hex')).toBe(digest.slice(0, 64));
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    }
  });

  it('of a file that changed is refused, not mixed', async () => {
    await onEach('head -c 3000000 /dev/zero > changing');
    const target = `/v2/clusters/${cluster}/instances/machine-2/file?path=changing`;
    const first = await wadi.fetch(target, { headers: { Range: 'bytes=0-99' } });
    expect([first.status, (await first.arrayBuffer()).byteLength]).toEqual([206, 100]);
    await onEach('head -c 3000000 /dev/urandom > changing');
    const headers = { Range: 'bytes=100-', 'If-Match': first.headers.get('ETag') as string };
    const next = await wadi.fetch(target, { headers });
    expect([next.status, JSON.parse(await next.text()).error_name]).toEqual([412, 'FILE_CHANGED']);
  });
});
