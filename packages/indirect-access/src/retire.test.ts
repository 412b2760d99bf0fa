import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { direct, TestBed, through } from './test-access.ts';
import type { TestSshd } from './test-sshd.ts';

const bed = new TestBed();
let proxy: TestSshd;
let other: TestSshd;
let inner: TestSshd;

beforeAll(async () => {
  proxy = await bed.sshd('proxy');
  other = await bed.sshd('other');
  inner = await bed.sshd('inner');
});
afterEach(() => bed.reset());
afterAll(() => bed.stop());

const open = (access: ReturnType<TestBed['access']>) =>
  access
    .stats()
    .connections.map(({ route }) => route)
    .sort();

describe('a machine that is retired', () => {
  it('keeps what is under way through it to its end, and then no connection', async () => {
    const access = bed.access();
    const route = through(proxy.machine(), inner.machine());
    const process = await access.spawn(route, 'echo begun; cat');
    await access.connect(through(other.machine(), inner.machine()));
    access.retire('proxy');
    process.stdin.end('the rest\n');
    expect(
      (await access.exec(through(other.machine(), inner.machine()), 'echo past')).stdout.toString(),
    ).toBe('past\n');
    const parts: Buffer[] = [];
    for await (const part of process.stdout) parts.push(part as Buffer);
    expect(Buffer.concat(parts).toString()).toBe('begun\nthe rest\n');
    expect(await process.exit).toMatchObject({ status: 0 });
    await expect.poll(() => open(access)).toEqual(['tcp > other', 'tcp > other > inner']);
  });

  it('loses idle connections at once, in order, and may be used again', async () => {
    const access = bed.access();
    const route = through(proxy.machine(), inner.machine());
    await access.connect(route);
    access.retire('proxy');
    await expect.poll(() => open(access)).toEqual([]);
    expect(bed.events.filter((event) => event.type === 'disconnected' && event.lost)).toEqual([]);
    await access.connect(route);
    expect(open(access)).toEqual(['tcp > proxy', 'tcp > proxy > inner']);
  });
});

it('a run that is let go of holds up no connection that is retired, and goes on', async () => {
  const access = bed.access();
  const id = randomUUID();
  const route = through(proxy.machine(), inner.machine());
  const attached = await access.attachRun(route, { id, first: true });
  const spec = { command: 'echo begun; sleep 1; echo past', env: {}, stdin: Buffer.alloc(0), timeout: null };
  const begun = attached.start({ ...spec, maxOutputBytes: 1000 });
  for await (const part of begun.stdout) if (part.toString() === 'begun\n') break;
  begun.end.catch(() => {});
  access.retire('proxy');
  begun.close();
  await expect.poll(() => open(access)).toEqual([]);
  const again = await access.attachRun(through(other.machine(), inner.machine()), { id, first: false });
  const followed = again.follow({ stdout: 6, stderr: 0 });
  followed.stderr[Symbol.asyncIterator]()
    .next()
    .catch(() => {});
  const parts: Buffer[] = [];
  for await (const part of followed.stdout) parts.push(part);
  expect(Buffer.concat(parts).toString()).toBe('past\n');
  expect(await followed.end).toMatchObject({ how: 'exited', status: 0 });
  followed.release();
});

describe('a machine that is barred', () => {
  it('loses what is open, and gets nothing new by any route until it is admitted', async () => {
    const access = bed.access();
    const [straight, route] = [direct(proxy.machine()), through(proxy.machine(), inner.machine())];
    const process = await access.spawn(route, 'cat');
    const refused = { code: 'ADDRESS_NOT_ALLOWED', hop: 'proxy', retryable: true };
    const barred = access.bar('proxy', 'proxy');
    await expect(access.exec(route, 'true')).rejects.toMatchObject(refused);
    await barred;
    await expect(access.connect(straight)).rejects.toMatchObject(refused);
    await expect(access.connect(through(inner.machine(), proxy.machine()))).rejects.toMatchObject(refused);
    const steps = [];
    for await (const step of access.explain(straight)) steps.push(step);
    expect(steps.at(-1)).toMatchObject({ ok: false, error: refused });
    await expect(process.exit).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(open(access)).not.toContain('tcp > proxy');
    access.admit('proxy');
    await access.connect(route);
  });
});
