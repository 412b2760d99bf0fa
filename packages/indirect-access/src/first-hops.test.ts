import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CommandHop, FirstHop, Route } from './route.ts';
import { eventually, processesWith, TestBed } from './test-access.ts';
import { freePort, type TestSshd } from './test-sshd.ts';

const bed = new TestBed();
let proxy: TestSshd;
let inner: TestSshd;

beforeAll(async () => {
  [proxy, inner] = await Promise.all([bed.sshd('proxy'), bed.sshd('inner')]);
});
afterEach(() => bed.reset());
afterAll(() => bed.stop());

/** Marked, so that the test finds the process. */
let marks = 0;
function command(words: readonly string[], values: CommandHop['values'] = {}): CommandHop & { mark: string } {
  marks += 1;
  const mark = `first-hop-${process.pid}-${marks}`;
  return { kind: 'command', words: [...words], values, mark };
}
const byNc = () => command(['nc', '{host}', '{port}']);
// Its input is a socket, and a bash then reads the rc file of whoever runs the test.
const script = (text: string) => {
  const made = command([]);
  return { ...made, words: ['bash', '--norc', '-c', text, made.mark, '{host}', '{port}'] };
};
const direct = (hop: FirstHop): Route => ({ hops: [hop], machine: inner.machine() });

describe('a program as the first hop', () => {
  it('leads to a machine', async () => {
    const { stdout } = await bed.access().exec(direct(byNc()), ['echo', 'through']);
    expect(stdout.toString()).toBe('through\n');
  });

  it('leads to a proxy, and through it to a machine', async () => {
    const route: Route = {
      hops: [byNc(), { kind: 'ssh', machine: proxy.machine(), relay: 'auto' }],
      machine: inner.machine(),
    };
    const { stdout } = await bed.access().exec(route, ['echo', 'through']);
    expect(stdout.toString()).toBe('through\n');
  });

  it('passes on many bytes in both directions, unchanged', async () => {
    const bytes = Buffer.alloc(3_000_000, 'wadi');
    const { stdout } = await bed.access().exec(direct(byNc()), ['cat'], {
      stdin: bytes,
      maxOutputBytes: bytes.length,
    });
    expect(stdout.equals(bytes)).toBe(true);
  });

  it('opens a port that does not speak first', async () => {
    const stream = await bed.access().tunnel(direct(byNc()), { port: inner.machine().port });
    const banner = await new Promise<Buffer>((resolve) => stream.once('data', resolve));
    expect(banner.toString()).toContain('SSH-2.0');
    stream.destroy();
  });

  it('gets nothing of the environment but where programs and homes are', async () => {
    const hop = script('echo "$(env | cut -d= -f1 | sort | tr "\\n" " ")" >&2; exit 7');
    process.env.WADI_SECRET_OF_A_TEST = 'x';
    await expect(bed.access().connect(direct(hop))).rejects.toThrow(/: HOME LC_ALL PATH PWD SHLVL _$/);
    delete process.env.WADI_SECRET_OF_A_TEST;
  });

  it('says what the program said when it ends without a word of the machine', async () => {
    const hop = script('echo "no such relay" >&2; exit 3');
    await expect(bed.access().connect(direct(hop))).rejects.toMatchObject({
      code: 'FIRST_HOP_FAILED',
      hop: 'inner',
      phase: 'dial',
      retryable: true,
      message: 'inner: bash did not get through: no such relay',
    });
  });

  it('keeps only the end of what the program said', async () => {
    const hop = script('head -c 10000000 /dev/zero | tr "\\0" x >&2; exit 3');
    const error = await bed
      .access()
      .connect(direct(hop))
      .catch((error) => error);
    expect(error.message.length).toBeLessThan(400);
  });

  it('refused, missing, and missing program are told apart', async () => {
    const closed = { ...direct(byNc()), machine: inner.machine({ port: await freePort() }) };
    const verbose = { ...closed, hops: [command(['nc', '-v', '{host}', '{port}'])] } as const;
    await expect(bed.access().connect(verbose)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' });
    await expect(bed.access().connect(closed)).rejects.toMatchObject({ code: 'FIRST_HOP_FAILED' });
    const none = command(['no-such-program', '{host}', '{port}']);
    await expect(bed.access().connect(direct(none))).rejects.toMatchObject({
      code: 'FIRST_HOP_FAILED',
      message: 'inner: no-such-program is not on this computer',
    });
  });

  it('is killed with all that it started when nobody answers in time', async () => {
    const hop = script('trap "" TERM; sleep 1000 & sleep 1001; wait');
    const access = bed.access({ deadlines: { dial: 300 } });
    await expect(access.connect(direct(hop))).rejects.toMatchObject({
      code: 'CONNECTION_TIMEOUT',
      phase: 'dial',
      retryable: true,
    });
    expect(await eventually(() => processesWith(hop.mark).length === 0)).toBe(true);
    expect(processesWith('sleep 100').filter((line) => /sleep 100[01]$/.test(line))).toEqual([]);
  });

  it('is killed when the caller gives up, and when all is closed', async () => {
    const hop = script('sleep 1002; :');
    const access = bed.access();
    const stop = new AbortController();
    const waiting = access.connect(direct(hop), { signal: stop.signal });
    expect(await eventually(() => processesWith(hop.mark).length > 0)).toBe(true);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await eventually(() => processesWith(hop.mark).length === 0)).toBe(true);

    const open = script('exec 3<>"/dev/tcp/$1/$2"; cat <&3 & cat >&3; sleep 1003');
    await access.connect(direct(open));
    expect(processesWith(open.mark).length).toBeGreaterThan(0);
    await access.close();
    expect(processesWith(open.mark)).toEqual([]);
    expect(processesWith('sleep 1003')).toEqual([]);
  });

  it('that dies under a command loses the connection, and the command is not repeated', async () => {
    const hop = script('exec 3<>"/dev/tcp/$1/$2"; cat <&3 & cat >&3');
    const access = bed.access();
    const nap = `sleep 60.${process.pid}`;
    const running = access.exec(direct(hop), nap.split(' '));
    running.catch(() => {});
    // Before it runs, a connection that is lost is one that another may replace.
    expect(await eventually(() => processesWith(nap).length > 0)).toBe(true);
    const [pid] = pidsOf(hop.mark);
    process.kill(pid as number, 'SIGKILL');
    await expect(running).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: false });
  });

  it('dials only what is allowed', async () => {
    const hop = { ...byNc(), allow: ['10.9.0.0/16'] };
    await expect(bed.access().connect(direct(hop))).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' });
    const named = { ...direct(hop), machine: inner.machine({ host: 'localhost' }) };
    await expect(bed.access().connect(named)).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' });
  });

  it('needs a value for every key', async () => {
    const hop = command(['nc', '{host}', '{port}', '{router_id}']);
    await expect(bed.access().connect(direct(hop))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('a network namespace as the first hop', () => {
  it('that is not there is said to be missing', async () => {
    const hop = { kind: 'netns', namespace: 'qrouter-none', relay: 'auto' } as const;
    await expect(bed.access().connect(direct(hop))).rejects.toMatchObject({
      code: 'FIRST_HOP_FAILED',
      phase: 'dial',
      message: expect.stringContaining('qrouter-none'),
      hint: expect.stringContaining('not on this computer'),
    });
  });

  it('takes a root wrapper as words', async () => {
    const wrapper = { rootWrapper: ['no-such-wrapper', '-n'], relay: 'nc' } as const;
    const hop = { kind: 'netns', namespace: 'qrouter-none', ...wrapper } as const;
    await expect(bed.access().connect(direct(hop))).rejects.toThrow(
      'no-such-wrapper is not on this computer',
    );
    const asked = { ...hop, rootWrapper: ['env', '-u', 'HOME'] };
    await expect(bed.access().connect(direct(asked))).rejects.toThrow('qrouter-none');
  });

  it('has a name that leads nowhere else', async () => {
    for (const namespace of ['', '../x', '-x', 'a b', 'a/b']) {
      const hop = { kind: 'netns', namespace, relay: 'auto' } as const;
      await expect(bed.access().connect(direct(hop))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});

function pidsOf(mark: string): number[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line.includes(mark));
  return lines.map((line) => Number.parseInt(line, 10));
}
