import { createHash } from 'node:crypto';
import type { Run, RunTarget } from '@wadi/api';
import type { WadiClient } from '@wadi/client';
import { followRun, type OnOutput, type StreamName } from './follow-run.ts';
import { LineWriter } from './line-writer.ts';
import { foldNames } from './node-set.ts';
import { writeBytes } from './print.ts';
import { describeTarget } from './run-outcome.ts';

const streams = ['stdout', 'stderr'] as const;

/** Shows the lines as they come, each behind the name of its machine; returns the run at its end. */
export async function showLive(client: WadiClient, run: Run, options: { prefix: boolean }): Promise<Run> {
  const width = Math.max(0, ...run.targets.map((target) => target.instance_name.length));
  const writers = new Map<string, LineWriter>();
  const writerOf = (target: RunTarget, stream: StreamName) => {
    const key = `${target.instance_id} ${stream}`;
    const prefix = `${target.instance_name.padStart(width)}: `;
    const out = process[stream];
    const writer = writers.get(key) ?? new LineWriter(out, { prefix, forTerminal: out.isTTY });
    writers.set(key, writer);
    return writer;
  };
  const onOutput: OnOutput = options.prefix
    ? (target, stream, bytes) => writerOf(target, stream).write(bytes)
    : (_target, stream, bytes) => writeBytes(stream, bytes);
  const ended = await followRun(client, run, onOutput);
  for (const writer of writers.values()) await writer.end();
  return ended;
}

/** Waits for the end and shows machines with the same output together. */
export async function showGathered(client: WadiClient, run: Run): Promise<Run> {
  const ended = await client.runs.wait(run.cluster_id, run.id);
  const groups = new Map<string, { targets: RunTarget[]; stdout: Buffer; stderr: Buffer }>();
  for (const target of ended.targets) {
    const stdout = await collect(client, ended, target, 'stdout');
    const stderr = await collect(client, ended, target, 'stderr');
    // Equal outputs are kept once, however many machines wrote them.
    const digest = createHash('sha256').update(`${stdout.length} `).update(stdout).update(stderr);
    const key = `${describeTarget(target)} ${digest.digest('hex')}`;
    const group = groups.get(key);
    if (group) group.targets.push(target);
    else groups.set(key, { targets: [target], stdout, stderr });
  }
  for (const { targets, stdout, stderr } of groups.values()) {
    const names = targets.map((target) => target.instance_name);
    const status = targets[0]?.status === 'succeeded' ? '' : `: ${describeTarget(targets[0] as RunTarget)}`;
    await writeBytes('stdout', Buffer.from(`--- ${foldNames(names)} (${names.length})${status}\n`));
    await writeBytes('stdout', endedByNewline(stdout));
    await writeBytes('stderr', endedByNewline(stderr));
  }
  return ended;
}

/** Each target with what it wrote, for `--json`. Bytes that are no UTF-8 come as base64. */
export async function runWithOutput(client: WadiClient, run: Run): Promise<{ run: Run; shown: unknown }> {
  const ended = await client.runs.wait(run.cluster_id, run.id);
  const targets: unknown[] = [];
  for (const target of ended.targets) {
    const shown: Record<string, unknown> = { ...target };
    for (const stream of streams) {
      const bytes = await collect(client, ended, target, stream);
      const text = bytes.toString('utf8');
      if (Buffer.from(text).equals(bytes)) shown[stream] = text;
      else shown[`${stream}_base64`] = bytes.toString('base64');
    }
    targets.push(shown);
  }
  return { run: ended, shown: { ...ended, targets } };
}

async function collect(client: WadiClient, run: Run, target: RunTarget, stream: StreamName): Promise<Buffer> {
  if (target[`${stream}_bytes`] === 0) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  const source = { instance: target.instance_id, stream };
  for await (const chunk of client.runs.output(run.cluster_id, run.id, source)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function endedByNewline(bytes: Buffer): Buffer {
  return bytes.length === 0 || bytes.at(-1) === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from('\n')]);
}
