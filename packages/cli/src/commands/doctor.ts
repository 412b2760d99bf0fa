import type { Doctor, Leftover, LeftoverReference, LeftoverRemovalAnswer } from '@wadi/api';
import type { Command } from 'commander';
import { ExitCode } from '../exit-code.ts';
import { print, printJson, printTable, report } from '../print.ts';
import { openSession } from '../session.ts';

/** Of one request. */
const most = 1000;

export function addDoctorCommand(wadi: Command): void {
  wadi
    .command('doctor')
    .description('what clusters that are gone have left in the clouds, and delegations that end; for admins')
    .option('--remove', 'remove what this installation has left')
    .addHelpText(
      'after',
      `
Examples:
  wadi doctor
  wadi doctor --remove

What another installation of Wadi made, or nobody can tell who, is shown and never removed.`,
    )
    .action(async ({ remove }: { remove?: boolean }, command: Command) => {
      const { client, json } = openSession(command);
      const findings = await client.doctor.examine();
      const removable = findings.leftovers.filter((each) => each.kept_because === null).map(referenceTo);
      const done: LeftoverRemovalAnswer = { removed: [], kept: [] };
      for (let from = 0; remove && from < removable.length; from += most) {
        const { removed, kept } = await client.doctor.remove(removable.slice(from, from + most));
        done.removed.push(...removed);
        done.kept.push(...kept);
      }
      if (json) printJson(remove ? { ...findings, ...done } : findings);
      else show(findings, remove ? done : null);
      if (done.kept.length > 0 || findings.unseen.length > 0) process.exitCode = ExitCode.failed;
    });
}

function referenceTo({ cloud, project_id, kind, id }: Leftover): LeftoverReference {
  return { cloud, project_id, kind, id };
}

function show({ leftovers, delegations, unseen }: Doctor, done: LeftoverRemovalAnswer | null): void {
  const removed = new Set(done?.removed.map(({ id }) => id));
  const failed = new Map(done?.kept.map(({ id, reason }) => [id, reason]));
  if (leftovers.length === 0) print('Nothing is left of clusters that are gone.');
  else
    printTable(
      ['KIND', 'ID', 'NAME', 'CLUSTER', 'PROJECT', 'AGE', ''],
      leftovers.map((each) => [
        each.kind.replace('_', ' '),
        each.id,
        each.name,
        each.cluster_id,
        each.project_id,
        ageOf(each),
        removed.has(each.id) ? 'removed' : (failed.get(each.id) ?? each.kept_because ?? 'can be removed'),
      ]),
    );
  for (const { project_id, user_name, expires_at, dead_since } of delegations) {
    const how = dead_since === null ? `ends at ${expires_at}` : `does not count since ${dead_since}`;
    print(`Delegation of ${user_name} for project ${project_id}: ${how}. Any request of a member renews it.`);
  }
  for (const { cloud, project_id, message } of unseen)
    report(`wadi: project ${project_id} of ${cloud} could not be looked at: ${message}`);
}

function ageOf({ created_at }: Leftover): string {
  if (created_at === null) return 'unknown';
  const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(created_at)) / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
}
