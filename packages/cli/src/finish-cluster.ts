import type { Cluster } from '@wadi/api';
import { ExitCode } from './exit-code.ts';
import { print, printJson, report } from './print.ts';
import { Progress } from './progress.ts';
import type { Session } from './session.ts';

export const waitOption = [
  '--wait',
  'show the work until it ends; exit code 1 when it ends in Error',
] as const;

/** Ends a command that began work on a cluster: at once, or with the work when told to wait. */
export async function finishCluster(
  session: Session,
  begun: Cluster,
  wait: boolean,
  doing = 'made',
): Promise<ExitCode> {
  let cluster = begun;
  if (wait) {
    const progress = new Progress();
    for await (const now of session.client.clusters.waitFor(begun.id)) {
      cluster = now;
      progress.show(now);
    }
  }
  if (session.json) printJson(cluster);
  else if (!wait)
    print(`${cluster.name} (${cluster.id}) is being ${doing}; see: wadi cluster show ${cluster.name}`);
  if (!wait || cluster.status === 'Active') return ExitCode.ok;
  report(`wadi: ${cluster.name} is in ${cluster.status}: ${cluster.status_description.trim()}`);
  return ExitCode.failed;
}
