import { randomUUID } from 'node:crypto';
import { advance, type ClusterWork } from '../cluster-work.ts';
import { persist } from '../persist.ts';
import { ClusterGoneError } from '../provisioning-error.ts';

/**
 * Says on the cluster itself why it could not be made, or it would seem to be at work for ever. What was made stays, for
 * people to look at and to delete.
 */
export async function failCreation(
  work: ClusterWork,
  error: unknown,
  signal: AbortSignal,
  doing = 'Creating',
): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  const id = randomUUID();
  work.log.warn(
    { err: error, cluster: work.clusterId, error_id: id },
    `${doing.toLowerCase()} a cluster failed`,
  );
  const description = `${doing} cluster failed for the following reason(s): ${reason}\nError ID: ${id}`;
  try {
    await persist(work, 'noting the failure', () => advance(work, 'Error', description), signal, null);
  } catch (problem) {
    if (!(problem instanceof ClusterGoneError)) throw problem;
  }
}
