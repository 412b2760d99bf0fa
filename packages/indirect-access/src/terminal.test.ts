import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from './route.ts';
import type { RemoteTerminal } from './terminal.ts';
import { eventually, processesWith, TestBed, through } from './test-access.ts';
import type { TestSshd } from './test-sshd.ts';

const bed = new TestBed();
/** Of this run alone. Seconds. */
const nap = 6000 + process.pid;
let proxy: TestSshd;
let inner: TestSshd;
let route: Route;

beforeAll(async () => {
  proxy = await bed.sshd('proxy');
  inner = await bed.sshd('inner');
  route = through(proxy.machine(), inner.machine());
});
afterEach(() => bed.reset());
afterAll(() => bed.stop());

/** Reads until the text is there. */
async function until(stream: Duplex, text: string | RegExp): Promise<string> {
  let seen = '';
  return new Promise((resolve, reject) => {
    const look = (chunk: Buffer) => {
      seen += chunk;
      const found = typeof text === 'string' ? seen.includes(text) : text.test(seen);
      if (!found) return;
      stream.off('data', look);
      resolve(seen);
    };
    stream.on('data', look);
    stream.once('close', () => reject(new Error(`the terminal closed after ${JSON.stringify(seen)}`)));
  });
}

const open = (size = { columns: 80, rows: 24 }): Promise<RemoteTerminal> =>
  bed.access().terminal(route, { ...size, term: 'xterm' });

describe('a terminal', () => {
  it('is one: it has a size that changes, a kind, and Ctrl-C', async () => {
    const terminal = await open({ columns: 91, rows: 33 });
    terminal.stream.write('stty size; tty; echo "kind $TERM"\n');
    expect(await until(terminal.stream, 'kind xterm')).toMatch(/33 91\r\n\/dev\/pts\/\d+\r\n/);
    terminal.resize({ columns: 132, rows: 50 });
    terminal.stream.write('stty size\n');
    await until(terminal.stream, '50 132');
    terminal.stream.write(`sleep ${nap}; echo "ended with $?"\n`);
    expect(await eventually(() => processesWith(`sleep ${nap}`).length === 1)).toBe(true);
    terminal.stream.write('\x03');
    terminal.stream.write('echo "after $?"\n');
    await until(terminal.stream, 'after 130');
    terminal.stream.write('exit 7\n');
    expect(await terminal.exit).toEqual({ status: 7, signal: null });
  });

  it('hangs up what runs in it when it is closed, and gives its session back', async () => {
    const stop = new AbortController();
    const access = bed.access();
    const terminal = await access.terminal(route, { columns: 80, rows: 24, signal: stop.signal });
    terminal.stream.write(`sleep ${nap}\n`);
    terminal.stream.resume();
    expect(await eventually(() => processesWith(`sleep ${nap}`).length === 1)).toBe(true);
    stop.abort();
    expect(await eventually(() => processesWith(`sleep ${nap}`).length === 0)).toBe(true);
    expect(await eventually(() => access.stats().channels === 1)).toBe(true);
  });

  it('says that the connection was lost', async () => {
    const access = bed.access();
    const terminal = await access.terminal(route, { columns: 80, rows: 24 });
    terminal.stream.resume();
    await access.disconnect(proxy.machine().id, 'proxy');
    await expect(terminal.exit).rejects.toMatchObject({ code: 'CONNECTION_LOST', phase: 'command' });
  });

  it('says which setting refuses terminals', async () => {
    const bare = await bed.sshd('bare', ['PermitTTY no']);
    const way = through(proxy.machine(), bare.machine());
    await expect(bed.access().terminal(way, { columns: 80, rows: 24 })).rejects.toMatchObject({
      code: 'CHANNEL_REFUSED',
      message: 'bare: refused a terminal',
      hint: expect.stringContaining('PermitTTY'),
    });
  });

  it.each([
    [{ columns: 0, rows: 24 }, 'columns 0'],
    [{ columns: 80, rows: 1.5 }, 'rows 1.5'],
    [{ columns: 80, rows: 100_000 }, 'rows 100000'],
    [{ columns: 80, rows: 24, term: 'x; reboot' }, 'no kind of terminal'],
  ])('refuses %j', async (options, text) => {
    const opened = bed.access().terminal(route, options);
    await expect(opened).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(text),
    });
  });
});
