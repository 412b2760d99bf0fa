import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from './route.ts';
import { direct, eventually, processesWith, TestBed, through } from './test-access.ts';
import type { TestSshd } from './test-sshd.ts';

const bed = new TestBed();
/** Of this run alone: what another one left must not be found. Seconds. */
const nap = 5000 + process.pid;
let inner: TestSshd;
let route: Route;

beforeAll(async () => {
  const proxy = await bed.sshd('proxy');
  inner = await bed.sshd('inner');
  route = through(proxy.machine(), inner.machine());
});
afterEach(() => bed.reset());
afterAll(() => bed.stop());

describe('exec', () => {
  it('gives back both outputs, apart, and the status', async () => {
    const result = await bed.access().exec(route, 'echo out; echo err >&2; exit 3');
    expect({ ...result, stdout: String(result.stdout), stderr: String(result.stderr) }).toEqual({
      status: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      stdoutTruncated: false,
      stderrTruncated: false,
      stdoutBytes: 4,
      stderrBytes: 4,
    });
  });

  it('runs shell text under /bin/sh, pipes, variables, several lines and all', async () => {
    const text =
      'x=1\nfor i in a b; do echo "$i$x"; done | tr a-z A-Z\ncase $0 in sh) echo sh;; esac; echo $#';
    expect(String((await bed.access().exec(route, text)).stdout)).toBe('A1\nB1\nsh\n0\n');
  });

  it('reports broken shell text as the shell does: a status and words on stderr', async () => {
    const result = await bed.access().exec(route, 'if then');
    expect(result.status).toBe(2);
    expect(String(result.stderr)).toMatch(/[Ss]yntax error/);
  });

  it('gives a program its arguments as they are', async () => {
    const words = ['with space', "it's", '"', '$HOME', '`id`', 'a\nb', '-n', '\\', '*', '', 'é'];
    const { stdout } = await bed.access().exec(route, ['printf', '%s\\0', ...words]);
    expect(stdout.toString().split('\0').slice(0, -1)).toEqual(words);
  });

  it('reports a program that is not there as status 127', async () => {
    expect((await bed.access().exec(route, ['no-such-program'])).status).toBe(127);
  });

  it('names the signal that ended a command', async () => {
    const result = await bed.access().exec(route, ['sh', '-c', 'kill -SEGV $$']);
    expect(result).toMatchObject({ status: null, signal: 'SEGV' });
  });

  it.each([
    ['text', 'line\n', 'line\n'],
    ['bytes', Buffer.from([0, 255, 10]), Buffer.from([0, 255, 10]).toString('latin1')],
    ['a stream', () => Readable.from(['a', 'b', 'c']), 'abc'],
    ['nothing', undefined, ''],
  ])('passes on %s as input, and its end', async (_kind, stdin, expected) => {
    const input = typeof stdin === 'function' ? stdin() : stdin;
    const result = await bed.access().exec(route, 'cat', input === undefined ? {} : { stdin: input });
    expect(result.stdout.toString('latin1')).toBe(expected);
  });

  it('does not mind a command that leaves its input unread', async () => {
    const endless = new Readable({ read() {} });
    endless.push('x');
    expect((await bed.access().exec(route, 'exit 4', { stdin: endless })).status).toBe(4);
    expect(endless.destroyed).toBe(true);
    const large = Buffer.alloc(8 * 1024 * 1024);
    expect((await bed.access().exec(route, 'exit 5', { stdin: large })).status).toBe(5);
  });

  it('does not wait for input that never comes when the command is over before it is asked for', async () => {
    const access = bed.access();
    await access.exec(route, 'true');
    // A busy process hears of everything at once: start, end and close.
    const busy = setInterval(() => {
      for (const end = Date.now() + 100; Date.now() < end; );
    }, 1);
    const endless = new Readable({ read() {} });
    try {
      expect((await access.exec(route, 'exit 4', { stdin: endless })).status).toBe(4);
    } finally {
      clearInterval(busy);
    }
    expect(endless.destroyed).toBe(true);
  });

  it('ends the command when its input fails, without showing it an end of input', async () => {
    const failing = Readable.from(
      (async function* () {
        yield 'half';
        throw new Error('disk gone');
      })(),
    );
    const running = bed
      .access()
      .exec(route, 'cat >/dev/null; echo complete >&2; sleep 7771', { stdin: failing });
    await expect(running).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it('sets variables, whatever their values hold', async () => {
    const env = { A: "it's $HOME", B: 'x\ny', _c9: '' };
    const { stdout } = await bed.access().exec(route, 'printf "%s|" "$A" "$B" "$_c9"', { env });
    expect(String(stdout)).toBe("it's $HOME|x\ny||");
  });

  it.each(['A B', '1A', 'A=1', '', 'A;id', 'Ä'])('refuses the variable name %j', async (name) => {
    await expect(bed.access().exec(route, 'true', { env: { [name]: '1' } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('keeps so much of each output, counts the rest, and lets the command run to its end', async () => {
    const text = 'head -c 3000000 /dev/zero | tr "\\0" x; head -c 2000000 /dev/zero >&2; exit 7';
    const result = await bed.access().exec(route, text, { maxOutputBytes: 1000 });
    expect(result).toMatchObject({
      status: 7,
      stdoutTruncated: true,
      stderrTruncated: true,
      stdoutBytes: 3_000_000,
      stderrBytes: 2_000_000,
    });
    expect(String(result.stdout)).toBe('x'.repeat(1000));
    expect(result.stderr).toHaveLength(1000);
  });

  it('drains two outputs that both fill up, in any order', async () => {
    const text = 'for i in 1 2 3 4 5 6 7 8; do head -c 400000 /dev/zero >&2; head -c 400000 /dev/zero; done';
    const result = await bed.access().exec(route, text);
    expect(result).toMatchObject({ status: 0, stdoutBytes: 3_200_000, stderrBytes: 3_200_000 });
  });

  it('ends the whole process group at the timeout', async () => {
    const running = bed
      .access()
      .exec(route, `sleep ${nap}.01 & (sleep ${nap}.01; true) | cat`, { timeout: 300 });
    await expect(running).rejects.toMatchObject({ code: 'TIMEOUT', hop: 'inner', phase: 'command' });
    expect(processesWith(`sleep ${nap}.01`)).toEqual([]);
  });

  it('ends it when the caller gives up, KILL after TERM if need be', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const text = `trap "" TERM; sleep ${nap}.02; sleep ${nap}.02; sleep ${nap}.02`;
    const running = bed.access().exec(route, text, { signal });
    expect(await eventually(() => processesWith(`sleep ${nap}.02`).length > 0)).toBe(true);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    // Given up while the request was under way, it is ended as soon as it shows.
    expect(await eventually(() => processesWith(`sleep ${nap}.02`).length === 0)).toBe(true);
  });

  it('ends it also when it has exited and left children that hold the output', async () => {
    const running = bed.access().exec(route, `sleep ${nap}.03 & exit 0`, { timeout: 500 });
    await expect(running).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(processesWith(`sleep ${nap}.03`)).toEqual([]);
  });

  it('starts nothing for a caller who gave up before', async () => {
    const running = bed.access().exec(route, 'true', { signal: AbortSignal.abort() });
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('leaves nothing behind whenever the caller gives up', async () => {
    const access = bed.access();
    await access.connect(route);
    for (let delay = 0; delay < 60; delay += 6) {
      const running = access.exec(route, `sleep ${nap}.04`, { signal: AbortSignal.timeout(delay) });
      await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    }
    expect(await eventually(() => processesWith(`sleep ${nap}.04`).length === 0)).toBe(true);
    expect(await eventually(() => access.stats().connections.every(({ sessions }) => sessions === 0))).toBe(
      true,
    );
  });

  it('ends what runs also when it has taken every session that there may be', async () => {
    const access = bed.access({ limits: { sessionsPerConnection: 2, connectionsPerMachine: 1 } });
    const controller = new AbortController();
    const { signal } = controller;
    // Both have started, as far as we know too.
    const running = await Promise.all([1, 2].map(() => access.spawn(route, `sleep ${nap}.06`, { signal })));
    const waiting = access.exec(route, 'echo waited');
    controller.abort();
    const ended = await Promise.allSettled(running.map(({ exit }) => exit));
    const cancelled = { status: 'rejected', reason: { code: 'CANCELLED' } };
    expect(ended).toMatchObject([cancelled, cancelled]);
    expect(processesWith(`sleep ${nap}.06`)).toEqual([]);
    expect(String((await waiting).stdout)).toBe('waited\n');
  });

  it('runs as root by sudo, variables included, and keeps status and outputs', async () => {
    const access = bed.access();
    const result = await access.exec(route, 'echo "$(id -u) $X"; echo e >&2; exit 9', {
      asRoot: true,
      env: { X: "a'b" },
    });
    expect([result.status, String(result.stdout), String(result.stderr)]).toEqual([9, "0 a'b\n", 'e\n']);
    const late = access.exec(route, `sleep ${nap}.05 & sleep ${nap}.05`, { asRoot: true, timeout: 300 });
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(processesWith(`sleep ${nap}.05`)).toEqual([]);
  });

  it("tells sudo's refusal from a failure of the command", async () => {
    const server = await bed.sshd('no-sudo', ['SetEnv PATH=/nonexistent']);
    const access = bed.access();
    const asRoot = true;
    await expect(access.exec(direct(server.machine()), 'exit 1', { asRoot })).rejects.toMatchObject({
      code: 'SUDO_REFUSED',
      hop: 'no-sudo',
    });
    expect((await access.exec(direct(server.machine()), 'exit 1')).status).toBe(1);
  });

  it('drops what rc files print before the command', async () => {
    const server = await bed.sshd('noisy', [
      'ForceCommand echo "Welcome to noisy"; echo warning >&2; printf "no newline"; eval "$SSH_ORIGINAL_COMMAND"',
    ]);
    const result = await bed.access().exec(direct(server.machine()), 'cat; echo err >&2', { stdin: 'in' });
    expect([String(result.stdout), String(result.stderr)]).toEqual(['in', 'err\n']);
  });

  it('tells a login shell that runs nothing from a command that fails', async () => {
    const server = await bed.sshd('nologin', ['ForceCommand echo "This account is not available."; exit 1']);
    const running = bed.access().exec(direct(server.machine()), 'true');
    await expect(running).rejects.toMatchObject({
      code: 'CHANNEL_REFUSED',
      hop: 'nologin',
      message: expect.stringContaining('This account is not available.'),
    });
  });

  it('goes on through the key exchanges that a server asks for now and then', async () => {
    const server = await bed.sshd('rekeying', ['RekeyLimit 1M', 'LogLevel DEBUG1']);
    const input = Buffer.alloc(5_000_000, 'abc');
    const options = { stdin: input, maxOutputBytes: 10_000_000 };
    const { stdout } = await bed.access().exec(direct(server.machine()), 'cat', options);
    expect(stdout.equals(input)).toBe(true);
    expect(server.log().split('rekey').length).toBeGreaterThan(3);
  });

  it('refuses what cannot be a command', async () => {
    const access = bed.access();
    const invalid = { code: 'INVALID_ARGUMENT' };
    await expect(access.exec(route, [])).rejects.toMatchObject(invalid);
    await expect(access.exec(route, 'a\0b')).rejects.toMatchObject(invalid);
    await expect(access.exec(route, ['a\0b'])).rejects.toMatchObject(invalid);
    await expect(access.exec(route, `: ${'x'.repeat(200_000)}`)).rejects.toMatchObject(invalid);
  });
});

describe('spawn', () => {
  it('streams while the command runs', async () => {
    const process = await bed.access().spawn(route, 'while read -r line; do echo "got $line"; done');
    const lines = process.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
    process.stdin.write('one\n');
    expect((await lines.next()).value).toBe('got one\n');
    process.stdin.write('two\n');
    expect((await lines.next()).value).toBe('got two\n');
    process.stdin.end();
    process.stderr.resume();
    expect(await process.exit).toEqual({ status: 0, signal: null });
  });

  it('holds the writer back when nobody reads', async () => {
    const process = await bed.access().spawn(route, 'yes | head -c 50000000; echo done >&2');
    process.stdin.end();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(process.stdout.readableLength).toBeLessThan(4 * 1024 * 1024);
    let total = 0;
    for await (const chunk of process.stdout) total += chunk.length;
    expect(total).toBe(50_000_000);
    expect(await process.exit).toEqual({ status: 0, signal: null });
  });

  it('kills the process group and then knows it ended', async () => {
    const process = await bed.access().spawn(route, `sleep ${nap}.10 & sleep ${nap}.10`);
    await process.kill();
    expect(processesWith(`sleep ${nap}.10`)).toEqual([]);
    await process.exit.catch(() => {});
    await process.kill();
  });
});
