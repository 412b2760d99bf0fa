import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { EventLog } from '../../events/event-log.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import {
  findRotation,
  hurry,
  type KeyRotationRow,
  takeInMachines,
  unfinishedRotations,
} from '../../storage/key-rotations.ts';
import type { Schema } from '../../storage/schema.ts';

/**
 * Has these machines of a cluster replace their host keys: the workflow may begin when this is committed
 * (`ClusterProvisioning.rotateKeys`). One that is under way goes on, with these too. Lock the cluster's row before.
 */
export async function beginHostRotation(
  events: EventLog,
  tx: Transaction<Schema>,
  { id: clusterId, name, project_id: projectId }: Pick<ClusterRow, 'id' | 'name' | 'project_id'>,
  instanceIds: readonly string[],
): Promise<KeyRotationRow> {
  const underWay = (await unfinishedRotations(tx, clusterId)).find(({ kind }) => kind === 'host');
  const id = underWay?.id ?? randomUUID();
  if (underWay) await hurry(tx, id);
  else {
    await tx.insertInto('key_rotation').values({ id, cluster_id: clusterId, kind: 'host' }).execute();
    const body = { cluster: name, rotation_id: id, machines: instanceIds.length };
    await events.append({ projectId, clusterId, type: 'host-key.rotation-begun', body }, tx);
  }
  await takeInMachines(tx, id, instanceIds);
  return (await findRotation(tx, id)) as KeyRotationRow;
}
