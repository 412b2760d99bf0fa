import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import { generateManagementKey } from '../../access/management-key.ts';
import { identityPurpose, writeIdentity } from '../../access/stored-identity.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import {
  findRotation,
  hurry,
  type KeyRotationRow,
  takeInAllMachines,
  unfinishedRotations,
} from '../../storage/key-rotations.ts';
import type { Schema } from '../../storage/schema.ts';
import type { Secrets } from '../../storage/secrets.ts';

/**
 * Makes the next management keys of a cluster, and has all its machines take part: the workflow may begin when this is
 * committed (`ClusterProvisioning.rotateKeys`). One that is under way goes on. Lock the cluster's row before.
 */
export async function beginManagementRotation(
  { secrets, events }: { readonly secrets: Secrets; readonly events: EventLog },
  tx: Transaction<Schema>,
  { id: clusterId, name, project_id: projectId }: Pick<ClusterRow, 'id' | 'name' | 'project_id'>,
): Promise<KeyRotationRow> {
  const underWay = (await unfinishedRotations(tx, clusterId)).find(({ kind }) => kind === 'management');
  if (underWay) {
    await hurry(tx, underWay.id);
    return underWay;
  }
  const id = randomUUID();
  const put = (comment: string) =>
    secrets.put(identityPurpose, clusterId, writeIdentity(generateManagementKey(comment)), tx);
  await tx
    .insertInto('key_rotation')
    .values({
      id,
      cluster_id: clusterId,
      kind: 'management',
      machines_secret_id: await put(`wadi ${name}`),
      proxies_secret_id: await put(`wadi ${name} proxies`),
    })
    .execute();
  const rotation = (await findRotation(tx, id)) as KeyRotationRow;
  await takeInAllMachines(tx, rotation);
  const body = { cluster: name, rotation_id: id };
  await events.append({ projectId, clusterId, type: 'management-key.rotation-begun', body }, tx);
  return rotation;
}
