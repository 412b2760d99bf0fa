import { beginStep, endStep } from '../storage/provision-progress.ts';
import type { ClusterWork } from './cluster-work.ts';
import { ClusterGoneError } from './provisioning-error.ts';

/** Does `work` as a step of Sahara's provision progress: begun, then ended well or not. */
export async function inProvisionStep(
  work: ClusterWork,
  { name, total, type = 'Engine: create cluster' }: { name: string; total: number; type?: string },
  body: (step: string) => Promise<void>,
): Promise<void> {
  const { db, clusterId, workflowId } = work;
  const step = await beginStep(db, { clusterId, workflowId, name, type, total });
  try {
    await body(step);
  } catch (error) {
    if (!(error instanceof ClusterGoneError)) await endStep(db, step, false);
    throw error;
  }
  await endStep(db, step, true);
}
