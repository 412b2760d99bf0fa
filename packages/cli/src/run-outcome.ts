import type { Run, RunTarget } from '@wadi/api';
import { describeProblem } from './describe-problem.ts';
import { ExitCode } from './exit-code.ts';
import { foldNames } from './node-set.ts';

/** The run's exit code: an unknown outcome outweighs a failed command, that outweighs success. */
export function exitCodeOf(run: Run): ExitCode {
  const statuses = new Set(run.targets.map((target) => target.status));
  if (statuses.has('unreachable') || statuses.has('unknown')) return ExitCode.unreachable;
  for (const status of statuses) if (status !== 'succeeded') return ExitCode.failed;
  return ExitCode.ok;
}

/** What did not go well, one line for machines with the same trouble; empty when all did. */
export function describeTroubles(run: Run): string[] {
  const troubled = run.targets.filter((target) => target.status !== 'succeeded');
  const lines = troubled.length === 0 ? [] : [`${troubled.length} of ${run.targets.length} did not succeed:`];
  for (const targets of groupBy(troubled, troubleOf)) {
    const first = targets[0] as RunTarget;
    lines.push(`  ${namesOf(targets)}: ${describeTarget(first)}`);
    if (first.error?.hint) lines.push(`    ${first.error.hint}`);
  }
  const cut = run.targets.filter((target) => target.truncated);
  if (cut.length > 0) lines.push(`output was longer than what is kept: ${namesOf(cut)}`);
  return lines;
}

/** `exit status 2`, `unreachable at proxy-0 (dial): …` */
export function describeTarget({ instance_name, status, exit_status, signal, error }: RunTarget): string {
  if (status === 'cancelled') return status;
  if (error) return `${status}${describeProblem(error, instance_name)}`;
  if (signal) return `killed by signal ${signal}`;
  if (status === 'failed') return `exit status ${exit_status}`;
  return status;
}

/** What makes two machines share a line: everything but the wording, which may name the machine. */
function troubleOf({ instance_name, status, exit_status, signal, error }: RunTarget): string {
  const hop = error?.hop === instance_name ? 'itself' : error?.hop;
  return JSON.stringify([status, exit_status, signal, error?.code, hop, error?.phase]);
}

function namesOf(targets: readonly RunTarget[]): string {
  return foldNames(targets.map((target) => target.instance_name));
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}
