import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RemoteExit, RemoteProcess } from '../remote-process.ts';
import type { Route } from '../route.ts';
import type { Sessions } from '../session.ts';
import { remoteTransfers } from './remote-transfers.ts';

/** A machine that answers whatever it likes, and ends nothing unless it is made to. */
class Hostile {
  readonly stdout = new PassThrough();
  killed = 0;

  get transfers() {
    const route = { machine: { id: 'm', name: 'machine' }, hops: [] } as unknown as Route;
    return remoteTransfers({ spawn: async () => this.#process() } as unknown as Sessions, route);
  }

  #process(): RemoteProcess {
    let end = (_: RemoteExit) => {};
    const exit = new Promise<RemoteExit>((resolve) => {
      end = resolve;
    });
    const stdin = new PassThrough();
    stdin.resume();
    const kill = async () => {
      this.killed += 1;
      this.stdout.end();
      end({ status: null, signal: 'KILL' });
    };
    return { stdin, stdout: this.stdout, stderr: new PassThrough(), exit, kill };
  }
}

vi.setConfig({ testTimeout: 10_000 });
afterEach(() => {
  vi.useRealTimers();
});

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
const upload = () => ({ id: randomUUID(), path: '/f', size: 10, sha256: '0'.repeat(64) });

describe('a machine that sends more of a file than was asked for', () => {
  it('gets no byte of that to whoever reads', async () => {
    const machine = new Hostile();
    machine.stdout.write('10 stamp\n');
    const open = await machine.transfers.openDownload({ path: '/f' });
    const read: Buffer[] = [];
    const reading = (async () => {
      for await (const bytes of open.read(0, 10)) read.push(bytes as Buffer);
    })();
    const failed = expect(reading).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    for (const bytes of ['0123456789', 'HTTP/1.1 200 OK\r\n', 'Content-Length: 0\r\n', '\r\n']) {
      machine.stdout.write(bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    machine.stdout.end();
    await failed;
    expect(Buffer.concat(read).length).toBeLessThanOrEqual(10);
    expect(machine.killed).toBe(1);
  });
});

describe('a machine that says nonsense', () => {
  it.each(['at 11', 'at', 'at 1 2', 'nothing'])(
    'of an upload (%s) is not listened to any further',
    async (line) => {
      const machine = new Hostile();
      machine.stdout.write(`${line}\n`);
      await expect(machine.transfers.openUpload(upload())).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
      expect(machine.killed).toBe(1);
    },
  );

  it.each(['', '1', 'many stamp'])('of a file (%j) is not listened to any further', async (line) => {
    const machine = new Hostile();
    machine.stdout.write(`${line}\n`);
    const opened = machine.transfers.openDownload({ path: '/f' });
    await expect(opened).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(machine.killed).toBe(1);
  });
});

describe('a machine whose script does not end', () => {
  it('is given up when it says a line without an end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const machine = new Hostile();
    machine.stdout.write('x'.repeat(10_000));
    const opened = expect(machine.transfers.openUpload(upload())).rejects.toMatchObject({ code: 'TIMEOUT' });
    await pass(31_000);
    await opened;
    expect(machine.killed).toBe(1);
  });

  it('is given up when it has told a digest', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const machine = new Hostile();
    machine.stdout.write(`10 stamp\n${'0'.repeat(64)}\n`);
    const told = expect(machine.transfers.digest({ path: '/f' })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await pass(31_000);
    await told;
    expect(machine.killed).toBe(1);
  });
});
