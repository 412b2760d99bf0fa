import { setTimeout as sleep } from 'node:timers/promises';
import type { RunTargetError } from '@wadi/api';
import { AccessError } from '@wadi/indirect-access';
import { accessProblem, describeProblem } from '../../access/access-problem.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { Limiter } from '../../access/limiter.ts';
import { sharedReading } from '../../access/shared-reading.ts';
import {
  findRotation,
  type KeyRotationRow,
  noteProblem,
  type RotatingMachine,
  rotatingMachines,
} from '../../storage/key-rotations.ts';
import { addStepEvents, beginStep, endStep } from '../../storage/provision-progress.ts';
import { type ClusterWork, theCluster } from '../cluster-work.ts';
import { ClusterGoneError } from '../provisioning-error.ts';

/** What a step is given that replaces keys of a cluster. */
export interface RotationWork extends ClusterWork {
  readonly rotationId: string;
}

/** A machine that takes part. */
export interface Turn {
  readonly rotation: KeyRotationRow;
  readonly machine: RotatingMachine;
  readonly instance: InstanceFacts;
  readonly reach: ClusterReach;
  readonly signal: AbortSignal;
}

export interface Phase {
  readonly name: string;
  readonly type: string;
  turnOf(machine: RotatingMachine): boolean;
}

/** Machines at once. */
const atOnce = 32;
/** Milliseconds that what is known of the cluster is good for. */
const freshness = 1000;
/** Times that a machine is tried in one pass, and milliseconds between. */
const tries = 2;
const pause = 1000;

export async function theRotation({ db, clusterId, rotationId }: RotationWork): Promise<KeyRotationRow> {
  const rotation = await findRotation(db, rotationId);
  if (!rotation || rotation.finished_at) throw new ClusterGoneError(clusterId);
  return rotation;
}

/**
 * Does something on each machine whose turn it is, as a step of Sahara's provision progress: one for all passes. A
 * machine on which it cannot be done keeps the reason, and is left for the next pass.
 */
export async function onMachines(
  work: RotationWork,
  { turnOf, name, type }: Phase,
  signal: AbortSignal,
  act: (turn: Turn) => Promise<void>,
): Promise<void> {
  const { db, access, clusterId, rotationId } = work;
  const rotation = await theRotation(work);
  const machines = (await rotatingMachines(db, rotationId)).filter(turnOf);
  if (machines.length === 0) return;
  const reach = sharedReading(
    freshness,
    async () => access.reach(await theCluster(work)),
    () => true,
  );
  const limiter = new Limiter(atOnce);
  const about = { clusterId, workflowId: `rotate-${rotationId}`, name, type };
  const step = await beginStep(db, { ...about, total: machines.length });
  let left = 0;
  const turn = async (machine: RotatingMachine) => {
    const known = await reach();
    const instance = known.find(machine.instance_id);
    // It was removed meanwhile.
    if (!instance) return;
    const problem = await tryTo(
      () => act({ rotation, machine, instance, reach: known, signal }),
      work,
      signal,
    );
    if (problem) {
      left += 1;
      await noteProblem(db, rotationId, instance.id, problem);
    }
    const info = problem && describeProblem(problem);
    await addStepEvents(db, step, [{ instance, successful: problem === null, info }]);
  };
  const ends = await Promise.allSettled(machines.map((each) => limiter.run(() => turn(each))));
  signal.throwIfAborted();
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  await endStep(db, step, left === 0);
}

async function tryTo(
  act: () => Promise<void>,
  { log }: RotationWork,
  signal: AbortSignal,
): Promise<RunTargetError | null> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      signal.throwIfAborted();
      await act();
      return null;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ClusterGoneError) throw error;
      const again = error instanceof AccessError && error.retryable && attempt < tries;
      const problem = accessProblem(error);
      if (problem.code === 'INTERNAL') log.error({ err: error }, 'replacing a key failed inside Wadi');
      if (!again) return problem;
      await sleep(pause * attempt, undefined, { signal }).catch(() => {});
    }
  }
}
