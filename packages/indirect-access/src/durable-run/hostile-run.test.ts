import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import type { ExecChannel } from '../engine/engine.ts';
import { FollowedRun } from './followed-run.ts';

vi.setConfig({ testTimeout: 10_000 });

const token = 'abcdef0123456789abcdef01';

/** A machine that answers whatever it likes. */
function hostile() {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.resume();
  const never = new Promise<never>(() => {});
  let closed = 0;
  const close = () => {
    closed += 1;
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  };
  const channel = { stdin, stdout, stderr, exit: never, closed: never, close } as unknown as ExecChannel;
  const run = new FollowedRun(channel, token, 'machine');
  const read = async () => {
    const all = async (stream: AsyncIterable<Buffer>) => {
      let bytes = 0;
      for await (const chunk of stream) bytes += chunk.length;
      return bytes;
    };
    await Promise.allSettled([all(run.stdout), all(run.stderr)]);
    return await run.end;
  };
  return { stdout, stderr, run, read, closings: () => closed };
}

describe('the last line of a run', () => {
  it('is not waited for when it has no end', async () => {
    const { stdout, stderr, run, read } = hostile();
    const end = read();
    stderr.write(`${token}\n`);
    stdout.write(`${token} end exited 0 `);
    const piece = Buffer.alloc(64 * 1024, 0x30);
    for (let n = 0; n < 4; n += 1) {
      stdout.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await end).toMatchObject({ how: 'lost' });
    run.close();
  });

  it.each(['1e400', '-5', '0.5', '9'.repeat(30), 'Infinity'])('drops no %s bytes', async (number) => {
    const { stdout, stderr, run, read } = hostile();
    stderr.write(`${token}\n`);
    stdout.write(`${token} end exited 0 ${number} 7\n`);
    expect(await read()).toMatchObject({ how: 'exited', dropped: { stdout: 0, stderr: 7 } });
    run.close();
  });
});

describe('a machine that goes on after a run was released', () => {
  it('loses its channel', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { stdout, stderr, run, read, closings } = hostile();
      stderr.write(`${token}\n`);
      stdout.write(`${token} end exited 0 0 0\n`);
      await read();
      run.release();
      expect(closings()).toBe(0);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(closings()).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });
});
