import { setTimeout as sleep } from 'node:timers/promises';
import type { RunTargetError } from '@wadi/api';
import type { Logger } from 'pino';
import type { ClusterAccess } from '../access/cluster-access.ts';
import type { ClusterFacts } from '../access/cluster-facts.ts';
import type { RunExecutor, RunTarget } from '../access/run-executor.ts';
import { type ClusterRow, findCluster } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import { isPassing } from '../storage/passing-error.ts';
import {
  listForeignRuns,
  notifyRuns,
  settleRun,
  takeRun,
  type UnfinishedTarget,
  unfinishedTargets,
} from '../storage/runs.ts';
import { controllerGone } from './controller-gone.ts';

export interface AdoptParts {
  readonly db: Database;
  readonly access: Pick<ClusterAccess, 'reach'>;
  readonly executor: Pick<RunExecutor, 'adopt'>;
  readonly controllerId: string;
  readonly log: Logger;
}

/**
 * Goes on with the runs of controllers that are gone: whose lease is free. What runs on machines is followed from where
 * it was stored, what had not begun anywhere yet begins; the machines see to it that nothing begins twice. May be called
 * at any time.
 */
export async function adoptOrphanedRuns(parts: AdoptParts): Promise<void> {
  const { db, controllerId } = parts;
  const known: KnownClusters = new Map();
  // One question for each controller: one that lives may have thousands of runs.
  const gone = new Map<string, boolean>();
  for (const run of await listForeignRuns(db, controllerId)) {
    const { owner } = run;
    const isGone = gone.get(owner) ?? (await db.transaction().execute((tx) => controllerGone(tx, owner)));
    gone.set(owner, isGone);
    if (isGone) await adopt(parts, run, known);
  }
}

/** One look at the clusters for all their runs: a dead controller may leave thousands. */
type KnownClusters = Map<string, { readonly cluster: ClusterRow; readonly facts: ClusterFacts } | undefined>;

type ForeignRun = Awaited<ReturnType<typeof listForeignRuns>>[number];

/** Attempts at what may pass in one look, and milliseconds between the first two, growing. */
const attempts = 5;
const firstPause = 200;

/**
 * All that may fail comes before the run is ours, or takes that back: it stays the dead controller's, for the next look.
 * Only what will not pass settles it.
 */
async function adopt(parts: AdoptParts, orphan: ForeignRun, known: KnownClusters): Promise<void> {
  const { executor, log } = parts;
  const { id, owner } = orphan;
  for (let attempt = 1; ; attempt++) {
    try {
      const found = await clusterOf(parts, orphan.cluster_id, known);
      if (!found || found.cluster.status === 'Deleting') return await settle(parts, orphan);
      const taken = await take(parts, orphan);
      if (!taken) return;
      log.info({ run: id, owner }, 'took over a run whose controller is gone');
      return executor.adopt(taken.run, found.cluster, targetsOf(taken.unfinished, found.facts));
    } catch (error) {
      log.error({ err: error, run: id, attempt }, 'a run could not be taken over');
      if (!isPassing(error)) return await settle(parts, orphan);
      if (attempt === attempts) return;
      await sleep(firstPause * 2 ** attempt);
    }
  }
}

async function take({ db, controllerId }: AdoptParts, { id, owner }: ForeignRun) {
  return db.transaction().execute(async (tx) => {
    if (!(await controllerGone(tx, owner))) return undefined;
    const run = await takeRun(tx, id, { from: owner, to: controllerId });
    return run && { run, unfinished: await unfinishedTargets(tx, id) };
  });
}

async function clusterOf({ db, access }: AdoptParts, id: string, known: KnownClusters) {
  if (!known.has(id)) {
    const cluster = await findCluster(db, id);
    known.set(id, cluster && { cluster, facts: (await access.reach(cluster)).facts });
  }
  return known.get(id);
}

function targetsOf(unfinished: readonly UnfinishedTarget[], facts: ClusterFacts): readonly RunTarget[] {
  return unfinished.map(({ instanceId, instanceName, claimed, stdout, stderr }) => {
    const instance = facts.instances.find((each) => each.id === instanceId);
    return {
      // A machine that is gone has no facts; who looks for it finds that out.
      instance: instance ?? { ...nowhere, id: instanceId, name: instanceName },
      begin: { claimed, offsets: { stdout, stderr } },
    };
  });
}

const nowhere: Omit<RunTarget['instance'], 'id' | 'name'> = {
  nodeGroupId: '',
  nodeGroupName: '',
  groupPosition: 0,
  index: 0,
  isProxy: false,
  internalIp: null,
  managementIp: null,
  sshPort: 22,
  managementPort: null,
  loginUser: null,
  credential: null,
  hostKeys: [],
};

async function settle({ db, controllerId }: AdoptParts, { id, owner }: ForeignRun): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (!(await controllerGone(tx, owner))) return;
    if (!(await takeRun(tx, id, { from: owner, to: controllerId }))) return;
    await settleRun(tx, id, { unknown, cancelled });
    await notifyRuns(tx, [id]);
  });
}

const unknown: RunTargetError = {
  code: 'CONTROLLER_LOST',
  hop: null,
  phase: 'command',
  message: 'The controller ended while the command was running here, and nobody could go on with it',
  hint: 'look on the machine before you run it again',
  retryable: false,
};

const cancelled: RunTargetError = {
  code: 'CONTROLLER_LOST',
  hop: null,
  phase: null,
  message: 'The controller ended before the command was started here; nothing ran',
  hint: 'run it again',
  retryable: true,
};
