import type { Logger } from 'pino';
import type { ClusterAccess } from '../access/cluster-access.ts';
import type { RunExecutor } from '../access/run-executor.ts';
import type { Cloud } from '../clouds/cloud.ts';
import type { ClusterProvisioning, UnfinishedRotation } from '../clusters/cluster-provisioning.ts';
import type { Plugins } from '../clusters/plugin.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Database } from '../storage/database.ts';
import type { Secrets } from '../storage/secrets.ts';
import { adoptCluster } from './adopt-cluster.ts';
import { beginCreation, beginDeletion } from './begin-and-end.ts';
import { createCluster } from './create-cluster.ts';
import { deleteCluster } from './delete-cluster.ts';
import type { Engine } from './engine/engine.ts';
import type { MachineLimits } from './machine-limits.ts';
import { rotateHostKeys } from './rotation/rotate-host-keys.ts';
import { rotateManagementKeys } from './rotation/rotate-management-keys.ts';
import { scaleCluster } from './scale-cluster.ts';
import type { Verifier } from './verifier.ts';
import { rotationOf, scalingOf } from './workflow-ids.ts';

/** What the steps work with. */
export interface ProvisioningParts {
  readonly db: Database;
  readonly secrets: Secrets;
  readonly events: EventLog;
  readonly access: ClusterAccess;
  readonly runs: RunExecutor;
  readonly plugins: Plugins;
  readonly clouds: ReadonlyMap<string, Cloud>;
  readonly engine: Engine;
  readonly limits: MachineLimits;
  readonly log: Logger;
  /** Makes the command with which an instance dials in. Absent: this controller takes none that do. */
  readonly inviteAgent?: (instanceId: string) => Promise<string>;
  /** Absent: nobody ever looks at the health of clusters. */
  readonly verifier?: Verifier;
}

/** Registers the workflows; call it before the engine is launched. */
export function registerProvisioning(parts: ProvisioningParts): ClusterProvisioning {
  const { engine } = parts;
  engine.register('create-cluster', createCluster(parts));
  engine.register('scale-cluster', scaleCluster(parts));
  engine.register('rotate-management-keys', rotateManagementKeys(parts));
  engine.register('rotate-host-keys', rotateHostKeys(parts));
  engine.register('delete-cluster', deleteCluster(parts));
  const rotateKeys = ({ id, cluster_id: clusterId, kind, passes }: UnfinishedRotation) =>
    engine.start(`rotate-${kind}-keys`, rotationOf(id, passes), { clusterId, rotationId: id });
  engine.register('adopt-cluster', adoptCluster(parts, rotateKeys));
  return {
    createCluster: (clusterId) => beginCreation(parts, clusterId),
    scaleCluster: (clusterId, scalingId) =>
      engine.start('scale-cluster', scalingOf(scalingId), { clusterId, scalingId }),
    canVerify: parts.verifier?.enabled ?? false,
    verifyCluster: async (clusterId) => (await parts.verifier?.begin(clusterId)) ?? false,
    rotateKeys,
    deleteCluster: (clusterId) => beginDeletion(parts, clusterId),
  };
}
