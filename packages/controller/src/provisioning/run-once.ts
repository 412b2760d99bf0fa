import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AccessError,
  type AttachedRun,
  type ExecResult,
  type FollowedRun,
  noOffsets,
  type RunEnd,
  type RunSpec,
} from '@wadi/indirect-access';
import type { InstanceFacts } from '../access/cluster-facts.ts';
import type { ClusterReach } from '../access/cluster-reach.ts';
import { engineCloses } from './engine/engine.ts';

export interface OnceOptions {
  /** What is done, in words that are the same when it is repeated, and of nothing else. */
  readonly what: string;
  readonly spec: RunSpec;
  readonly asRoot: boolean;
  readonly signal: AbortSignal;
}

/** Attempts in a row that come to nothing, and milliseconds between them, growing. */
const attempts = 5;
const firstPause = 1000;
/** Milliseconds after its own time for the machine to end a command, and for one that was told to end it. */
const endGrace = 60_000;
const endPatience = 30_000;

/**
 * Runs a command of a step that may be repeated: when it was begun before it is not begun again but followed, and when it
 * has ended its end is found. What the machine keeps of it stays there: nobody knows yet that the step is recorded. Only
 * where the machine was started anew meanwhile, or what watched over it was killed, it is run again.
 */
export async function runOnce(
  reach: ClusterReach,
  instance: InstanceFacts,
  options: OnceOptions,
): Promise<ExecResult> {
  const { signal } = options;
  const id = idOf(options.what);
  for (let failures = 0; ; ) {
    let attached: AttachedRun | undefined;
    try {
      attached = await reach.through(
        instance,
        (route) => reach.indirect.attachRun(route, { id, first: true, asRoot: options.asRoot, signal }),
        signal,
      );
      if (attached.state === 'missing') throw lost(instance, 'has no place to keep a script');
      if (attached.state === 'rebooted') {
        await attached.remove();
        failures += 1;
        if (failures === attempts)
          throw lost(instance, 'keeps a script of another boot that cannot be removed');
        continue;
      }
      const followed = attached.state === 'fresh' ? attached.start(options.spec) : attached.follow(noOffsets);
      const result = await readToEnd(followed, options, instance);
      if (result) return result;
      failures += 1;
      if (failures === attempts) throw lost(instance, 'lost what watched over a script');
      await forget(reach, instance, id, options);
    } catch (error) {
      const again = error instanceof AccessError && (error.retryable || error.code === 'CONNECTION_LOST');
      failures += 1;
      if (!again || signal.aborted || failures >= attempts) throw error;
      await sleep(firstPause * failures, undefined, { signal }).catch(() => {});
    } finally {
      attached?.close();
    }
  }
}

async function forget(
  reach: ClusterReach,
  instance: InstanceFacts,
  id: string,
  { asRoot, signal }: OnceOptions,
): Promise<void> {
  const attached = await reach.through(
    instance,
    (route) => reach.indirect.attachRun(route, { id, first: false, asRoot, signal }),
    signal,
  );
  await attached.remove();
}

/** undefined: how it ended is not known to anybody. */
async function readToEnd(
  followed: FollowedRun,
  { spec, signal }: OnceOptions,
  { name }: InstanceFacts,
): Promise<ExecResult | undefined> {
  let isLate = false;
  let timer: NodeJS.Timeout | undefined;
  // A machine may answer, and end nothing.
  const end = () => {
    clearTimeout(timer);
    followed.cancel();
    timer = setTimeout(() => followed.close(), endPatience);
  };
  const onAbort = () => {
    if (signal.reason === engineCloses) followed.close();
    else end();
  };
  if (spec.timeout)
    timer = setTimeout(
      () => {
        isLate = true;
        end();
      },
      spec.timeout * 1000 + endGrace,
    );
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const [stdout, stderr] = await Promise.all([
      collect(followed.stdout, spec.maxOutputBytes),
      collect(followed.stderr, spec.maxOutputBytes),
    ]);
    return resultOf(await followed.end, stdout, stderr, { spec, name });
  } catch (error) {
    throw isLate ? late(name, spec) : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function resultOf(
  end: RunEnd,
  stdout: Collected,
  stderr: Collected,
  { spec, name }: { spec: RunSpec; name: string },
): ExecResult | undefined {
  const at = { hop: name, phase: 'command' } as const;
  if (end.how === 'timeout') throw late(name, spec);
  if (end.how === 'cancelled') throw new AccessError('cancelled', { code: 'CANCELLED', ...at });
  if (end.how !== 'exited' && end.how !== 'signal') return undefined;
  return {
    status: end.status,
    signal: end.signal,
    stdout: stdout.kept,
    stderr: stderr.kept,
    stdoutBytes: stdout.total + end.dropped.stdout,
    stderrBytes: stderr.total + end.dropped.stderr,
    stdoutTruncated: stdout.total + end.dropped.stdout > stdout.kept.length,
    stderrTruncated: stderr.total + end.dropped.stderr > stderr.kept.length,
  };
}

function late(name: string, { timeout }: RunSpec): AccessError {
  const message = `${name}: the command did not end within ${timeout} s`;
  return new AccessError(message, { code: 'TIMEOUT', hop: name, phase: 'command' });
}

interface Collected {
  readonly kept: Buffer;
  readonly total: number;
}

async function collect(stream: AsyncIterable<Buffer>, most: number): Promise<Collected> {
  const parts: Buffer[] = [];
  let total = 0;
  for await (const bytes of stream) {
    if (total < most) parts.push(bytes.subarray(0, most - total));
    total += bytes.length;
  }
  return { kept: Buffer.concat(parts), total };
}

function lost({ name }: InstanceFacts, what: string): AccessError {
  return new AccessError(`${name} ${what}`, { code: 'COMMAND_FAILED', hop: name, phase: 'command' });
}

/** A UUID, for the machine's eyes only. */
function idOf(what: string): string {
  const hex = createHash('sha256').update(`wadi step ${what}`).digest('hex');
  return [8, 4, 4, 4, 12]
    .map((length, index, all) => {
      const from = all.slice(0, index).reduce((sum, each) => sum + each, 0);
      return hex.slice(from, from + length);
    })
    .join('-');
}
