import { randomBytes, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { IndirectAccess } from '../indirect-access.ts';
import type { Route } from '../route.ts';
import { direct, eventually, processesWith, TestBed, through } from '../test-access.ts';
import type { TestSshd } from '../test-sshd.ts';
import type { AttachOptions } from './attach-run.ts';
import type { FollowedRun, RunEnd } from './followed-run.ts';
import { noOffsets, type RunSpec } from './run-request.ts';

const bed = new TestBed();
/** Of this run alone: what another one left must not be found. Seconds. */
const nap = 6000 + (process.pid % 1000);
const home = mkdtempSync(path.join(tmpdir(), 'wadi-durable-'));
let proxies: readonly TestSshd[];
let inner: TestSshd;
let routes: readonly Route[];

beforeAll(async () => {
  proxies = [await bed.sshd('proxy-1'), await bed.sshd('proxy-2')];
  inner = await bed.sshd('inner', [`SetEnv HOME=${home}`]);
  routes = proxies.map((proxy) => through(proxy.machine(), inner.machine({ user: 'root' })));
});
afterEach(() => bed.reset());
afterAll(async () => {
  await bed.stop();
  for (const run of ids) rmSync(place(run), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
});

interface Read {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly end: RunEnd;
}

async function read(run: FollowedRun): Promise<Read> {
  const all = async (stream: AsyncIterable<Buffer>) => {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part);
    return Buffer.concat(parts);
  };
  const [stdout, stderr] = await Promise.all([all(run.stdout), all(run.stderr)]);
  return { stdout, stderr, end: await run.end };
}

const plain = { maxOutputBytes: 1 << 20 };
const ids: string[] = [];
const place = (run: string) => `/var/lib/wadi/runs/${run}`;

function id(): string {
  const fresh = randomUUID();
  ids.push(fresh);
  return fresh;
}

async function run(
  access: IndirectAccess,
  spec: Partial<RunSpec> & Pick<RunSpec, 'command'>,
  options: Partial<AttachOptions> = {},
): Promise<Read> {
  const attached = await access.attachRun(routes[0] as Route, { id: id(), first: true, ...options });
  expect(attached.state).toBe('fresh');
  const followed = attached.start({ ...plain, ...spec });
  const result = await read(followed);
  followed.release();
  return result;
}

/** Reads until `text` has come, then loses the connection as a dead proxy does. */
async function loseAfter(access: IndirectAccess, followed: FollowedRun, text: string): Promise<Buffer> {
  let heard = Buffer.alloc(0);
  for await (const part of followed.stdout) {
    heard = Buffer.concat([heard, part]);
    if (heard.includes(text)) break;
  }
  await access.close();
  await expect(followed.end).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  return heard;
}

describe('a run that outlives its path', () => {
  it('gives back both outputs, apart, byte by byte, and the status', async () => {
    const bytes = randomBytes(5000);
    const access = bed.access();
    const copied = await run(access, { command: 'cat; echo err >&2; exit 3', stdin: bytes });
    expect(copied.stdout.equals(bytes)).toBe(true);
    expect(String(copied.stderr)).toBe('err\n');
    expect(copied.end).toMatchObject({ how: 'exited', status: 3, dropped: { stdout: 0, stderr: 0 } });
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    expect((await run(access, { command: ['cat'], stdin: all })).stdout.equals(all)).toBe(true);
    expect((await run(access, { command: 'cat' })).stdout).toHaveLength(0);
  });

  it('is a command like any other: its shell, its arguments, its variables, its signals', async () => {
    const access = bed.access();
    const env = { A: "it's $HOME", B: 'x\ny', n: 'kept' };
    const text =
      'x=1\nfor i in a b; do echo "$i$x$0$#$n"; done\nprintf "%s|" "$A" "$B"; kill -INT $$; echo no';
    const result = await run(access, { command: text, env });
    expect(String(result.stdout)).toBe("a1sh0kept\nb1sh0kept\nit's $HOME|x\ny|");
    const words = ['with space', "it's", '"', '$HOME', 'a\nb', '-n', '\\', '*', '', 'é ā ‡'];
    const printed = await run(access, { command: ['printf', '%s\\0', ...words] });
    expect(printed.stdout.toString().split('\0').slice(0, -1)).toEqual(words);
    const killed = await run(access, { command: 'kill -SEGV $$' });
    expect(killed.end).toMatchObject({ how: 'signal', signal: 'SEGV', status: null });
    // What a shell says of a child is no death of its own.
    const status = await run(access, { command: 'sh -c "kill -KILL \\$\\$"; exit 137' });
    expect(status.end).toMatchObject({ how: 'exited', status: 137 });
    expect((await run(access, { command: ['no-such-program'] })).end).toMatchObject({ status: 127 });
  });

  it('takes much input, and one that nobody reads', async () => {
    const access = bed.access();
    const bytes = randomBytes(200_000);
    const copied = await run(access, { command: 'cat', stdin: bytes });
    expect(copied.stdout.equals(bytes)).toBe(true);
    expect((await run(access, { command: 'exit 5', stdin: bytes })).end).toMatchObject({ status: 5 });
  });

  it('goes on when its path is lost, and is read on where that was, by another path', async () => {
    const runId = id();
    const first = bed.access();
    const attached = await first.attachRun(routes[0] as Route, { id: runId, first: true });
    const command = 'echo $$; echo err >&2; echo one; sleep 1; seq 100000; echo more >&2; exit 4';
    const begin = await loseAfter(first, attached.start({ ...plain, command }), 'one\n');
    const again = await bed.access().attachRun(routes[1] as Route, { id: runId, first: false });
    expect([again.state, again.bootId]).toEqual(['begun', attached.bootId]);
    const followed = again.follow({ stdout: begin.length, stderr: 2 });
    const rest = await read(followed);
    const whole = Buffer.concat([begin, rest.stdout]).toString();
    expect(whole.replace(/^\d+\n/, '')).toBe(
      `one\n${Array.from({ length: 100_000 }, (_, n) => `${n + 1}\n`).join('')}`,
    );
    expect(String(rest.stderr)).toBe('r\nmore\n');
    expect(rest.end).toMatchObject({ how: 'exited', status: 4 });
    expect(existsSync(place(runId))).toBe(true);
    followed.release();
    expect(await eventually(() => !existsSync(place(runId)))).toBe(true);
  });

  it('keeps its end for whoever comes later, and for more than one', async () => {
    const runId = id();
    const access = bed.access();
    const attached = await access.attachRun(routes[0] as Route, { id: runId, first: true });
    await loseAfter(access, attached.start({ ...plain, command: 'echo begun; exit 7' }), 'begun\n');
    const later = bed.access();
    const attach = () => later.attachRun(routes[1] as Route, { id: runId, first: false });
    const ends = await Promise.all(
      [await attach(), await attach()].map((each) => read(each.follow(noOffsets))),
    );
    for (const { stdout, end } of ends)
      expect([String(stdout), end]).toEqual(['begun\n', expect.objectContaining({ status: 7 })]);
    await (await attach()).remove();
    expect((await attach()).state).toBe('missing');
  });

  it('begins once, however many want to begin it at the same moment', async () => {
    const runId = id();
    const file = path.join(home, 'once');
    const access = bed.access();
    const attached = await Promise.all(
      [0, 1, 0, 1, 0].map((route) => access.attachRun(routes[route] as Route, { id: runId, first: true })),
    );
    for (const { state } of attached) expect(state).toBe('fresh');
    const command = `echo x >>${file}; sleep 0.2; echo done`;
    const reads = await Promise.all(attached.map((each) => read(each.start({ ...plain, command }))));
    for (const { stdout, end } of reads)
      expect([String(stdout), end.how, end.status]).toEqual(['done\n', 'exited', 0]);
    expect(readFileSync(file, 'utf8')).toBe('x\n');
  });

  it('never begins where its input did not arrive whole, and can then be begun', async () => {
    const runId = id();
    const file = path.join(home, 'half');
    const access = bed.access();
    const spec = { ...plain, command: `cat >/dev/null; echo x >>${file}`, stdin: Buffer.alloc(20_000, 'x') };
    const attached = await access.attachRun(routes[0] as Route, { id: runId, first: true });
    // As it is when the connection dies on the way: the channel ends in the middle.
    attached.close();
    const again = await bed.access().attachRun(routes[1] as Route, { id: runId, first: false });
    expect(again.state).toBe('fresh');
    expect((await read(again.start(spec))).end).toMatchObject({ status: 0 });
    expect(readFileSync(file, 'utf8')).toBe('x\n');
  });

  it('is unknown when its directory is gone or belongs to another boot, and is not begun again', async () => {
    const access = bed.access();
    const attach = (runId: string, first = false) =>
      access.attachRun(routes[0] as Route, { id: runId, first });
    expect((await attach(id())).state).toBe('missing');
    const runId = id();
    mkdirSync(path.join(place(runId), 'begun'), { recursive: true });
    writeFileSync(path.join(place(runId), 'boot'), 'another\n');
    expect((await attach(runId)).state).toBe('rebooted');
    expect((await attach(runId, true)).state).toBe('rebooted');
    await (await attach(runId)).remove();
  });

  it('says so when its supervisor was killed', async () => {
    const runId = id();
    const access = bed.access();
    const attached = await access.attachRun(routes[0] as Route, { id: runId, first: true });
    const followed = attached.start({ ...plain, command: `echo begun; sleep ${nap}.1` });
    const end = read(followed);
    expect(await eventually(() => processesWith(`sleep ${nap}.1`).length > 0)).toBe(true);
    process.kill(Number(readFileSync(path.join(place(runId), 'supervisor'), 'utf8')), 'SIGKILL');
    expect(await end).toMatchObject({ end: { how: 'lost' } });
    followed.cancel();
    process.kill(-Number(readFileSync(path.join(place(runId), 'group'), 'utf8').split(' ')[1]), 'SIGKILL');
    followed.release();
  });
});

describe('the limits of a run', () => {
  it('are kept on the machine: its time', async () => {
    const { end, stdout } = await run(bed.access(), {
      command: `echo begun; sleep ${nap}.2 & (trap "" TERM; sleep ${nap}.2; true) | cat`,
      timeout: 0.3,
    });
    expect([end.how, String(stdout)]).toEqual(['timeout', 'begun\n']);
    expect(await eventually(() => processesWith(`sleep ${nap}.2`).length === 0)).toBe(true);
  });

  it('are kept on the machine when nobody is there', async () => {
    const access = bed.access();
    const runId = id();
    const attached = await access.attachRun(routes[0] as Route, { id: runId, first: true });
    const command = `echo begun; sleep ${nap}.3`;
    await loseAfter(access, attached.start({ ...plain, command, timeout: 1 }), 'begun\n');
    expect(await eventually(() => processesWith(`sleep ${nap}.3`).length === 0)).toBe(true);
    const later = await bed.access().attachRun(routes[1] as Route, { id: runId, first: false });
    expect((await read(later.follow(noOffsets))).end.how).toBe('timeout');
  });

  it('count what is too much, and let the command run to its end', async () => {
    const text = 'head -c 3000000 /dev/zero | tr "\\0" x; head -c 2000000 /dev/zero >&2; exit 7';
    const { stdout, stderr, end } = await run(bed.access(), { command: text, maxOutputBytes: 1000 });
    expect(end).toMatchObject({ how: 'exited', status: 7 });
    expect(stdout.length + end.dropped.stdout).toBe(3_000_000);
    expect(stderr.length + end.dropped.stderr).toBe(2_000_000);
    expect(stdout.length).toBeGreaterThanOrEqual(1000);
    expect(stdout.length).toBeLessThan(1000 + 32_768);
  });

  it('hold the writer back when too much is unread, and what was read goes from the disk', async () => {
    const access = bed.access();
    const runId = id();
    const attach = (first: boolean) => access.attachRun(routes[0] as Route, { id: runId, first });
    const size = 100_000_000;
    const spec = { command: `yes 0123456789abcde | head -c ${size}; echo e >&2`, maxOutputBytes: 1 << 30 };
    let followed = (await attach(true)).start(spec);
    const offsets = { stdout: 0, stderr: 0 };
    let pages = 0;
    let wrong = 0;
    for (;;) {
      for await (const part of followed.stdout) {
        for (let at = 0; at < part.length; at += 4099)
          if (part[at] !== '0123456789abcde\n'.charCodeAt((offsets.stdout + at) % 16)) wrong += 1;
        offsets.stdout += part.length;
      }
      for await (const part of followed.stderr) offsets.stderr += part.length;
      const end = await followed.end;
      if (end.how !== 'more') {
        expect(end).toMatchObject({ how: 'exited', status: 0, dropped: { stdout: 0, stderr: 0 } });
        break;
      }
      followed.close();
      pages += 1;
      followed = (await attach(false)).follow(offsets);
    }
    followed.release();
    expect([offsets, wrong]).toEqual([{ stdout: size, stderr: 2 }, 0]);
    expect(pages).toBeGreaterThan(0);
  });
});

describe('a run that is cancelled', () => {
  it('is ended with its whole process group, TERM first and KILL for what stays', async () => {
    const attached = await bed.access().attachRun(routes[0] as Route, { id: id(), first: true });
    const command = `trap "echo bye" TERM; echo begun; sleep ${nap}.4 & (trap "" TERM; sleep ${nap}.4; sleep ${nap}.4)`;
    const followed = attached.start({ ...plain, command });
    expect(await eventually(() => processesWith(`sleep ${nap}.4`).length > 1)).toBe(true);
    followed.cancel();
    const { stdout, end } = await read(followed);
    expect([end.how, String(stdout)]).toEqual(['cancelled', 'begun\n']);
    expect(await eventually(() => processesWith(`sleep ${nap}.4`).length === 0)).toBe(true);
    followed.release();
  });

  it('is ended also by somebody who only came later', async () => {
    const access = bed.access();
    const runId = id();
    const attached = await access.attachRun(routes[0] as Route, { id: runId, first: true });
    const command = `echo begun; sleep ${nap}.5 & sleep ${nap}.5`;
    await loseAfter(access, attached.start({ ...plain, command }), 'begun\n');
    const later = await bed.access().attachRun(routes[1] as Route, { id: runId, first: false });
    const followed = later.follow(noOffsets);
    followed.cancel();
    expect((await read(followed)).end.how).toBe('cancelled');
    expect(await eventually(() => processesWith(`sleep ${nap}.5`).length === 0)).toBe(true);
    followed.release();
  });
});

describe('what is left of runs', () => {
  it('is swept away when it is old, but for what still runs', async () => {
    const access = bed.access();
    const [running, fresh, ended, young] = [id(), id(), id(), id()];
    const attach = (runId: string) => access.attachRun(routes[0] as Route, { id: runId, first: true });
    const followed = (await attach(running)).start({ ...plain, command: `sleep ${nap}.6` });
    expect(await eventually(() => processesWith(`sleep ${nap}.6`).length > 0)).toBe(true);
    (await attach(fresh)).close();
    for (const runId of [ended, young])
      await read((await attach(runId)).start({ ...plain, command: 'true' }));
    const old = new Date(Date.now() - 10 * 24 * 3600 * 1000);
    for (const runId of [running, fresh, ended]) utimesSync(place(runId), old, old);
    await access.sweepRuns(routes[1] as Route, { olderThan: 7 });
    const left = [running, fresh, ended, young].filter((runId) => existsSync(place(runId)));
    expect(left).toEqual([running, young]);
    followed.cancel();
    expect((await read(followed)).end.how).toBe('cancelled');
    followed.release();
  });

  // Root's has a name that anybody may take.
  it.runIf(!existsSync('/var/tmp/.wadi-0'))('does not lead to where a link leads', async () => {
    const others = path.join(home, 'not-a-run');
    mkdirSync(others);
    const old = new Date(Date.now() - 10 * 24 * 3600 * 1000);
    utimesSync(others, old, old);
    symlinkSync(home, '/var/tmp/.wadi-0');
    try {
      await bed.access().sweepRuns(routes[1] as Route, { olderThan: 7 });
      expect(existsSync(others)).toBe(true);
    } finally {
      rmSync('/var/tmp/.wadi-0');
    }
  });
});

describe('the way to where a run is', () => {
  it('leads through sudo when it is to run as root', async () => {
    const access = bed.access();
    const spec = { command: 'echo "$(id -u) $X"', env: { X: "a'b" } };
    expect(String((await run(access, spec, { asRoot: true })).stdout)).toBe("0 a'b\n");
    const server = await bed.sshd('no-sudo', ['SetEnv PATH=/nonexistent']);
    const refused = access.attachRun(direct(server.machine()), { id: id(), first: true, asRoot: true });
    await expect(refused).rejects.toMatchObject({ code: 'SUDO_REFUSED', hop: 'no-sudo' });
  });

  it('is not mistaken for what rc files print, nor a shell that runs nothing for a run', async () => {
    const noisy = await bed.sshd('noisy', [
      'ForceCommand echo Welcome; echo warning >&2; printf "no newline"; eval "$SSH_ORIGINAL_COMMAND"',
    ]);
    const access = bed.access();
    const attached = await access.attachRun(direct(noisy.machine()), { id: id(), first: true });
    const followed = attached.start({ ...plain, command: 'cat; echo err >&2', stdin: Buffer.from('in') });
    const { stdout, stderr } = await read(followed);
    followed.release();
    expect([String(stdout), String(stderr)]).toEqual(['in', 'err\n']);
    const none = await bed.sshd('nologin', ['ForceCommand echo "This account is not available."; exit 1']);
    const nowhere = access.attachRun(direct(none.machine()), { id: id(), first: true });
    await expect(nowhere).rejects.toMatchObject({ code: 'CHANNEL_REFUSED', hop: 'nologin' });
  });

  it('gives its session back when the run is released', async () => {
    const access = bed.access();
    for (let count = 0; count < 12; count += 1) await run(access, { command: 'true' });
    expect(await eventually(() => access.stats().connections.every(({ sessions }) => sessions === 0))).toBe(
      true,
    );
  });
});
