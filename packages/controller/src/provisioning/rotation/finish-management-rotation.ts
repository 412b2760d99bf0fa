import type { ClusterStatus } from '@wadi/api';
import type { Transaction } from 'kysely';
import { readIdentity } from '../../access/stored-identity.ts';
import { isTransitional } from '../../clusters/cluster-status.ts';
import { type ClusterRow, updateCluster } from '../../storage/clusters.ts';
import { forgetUnusedKeys } from '../../storage/inventory-machines.ts';
import {
  dropReplaced,
  endPass,
  findRotation,
  finishRotation,
  type KeyRotationRow,
  rotatingMachines,
  takeInAllMachines,
} from '../../storage/key-rotations.ts';
import type { Schema } from '../../storage/schema.ts';
import type { RotationWork } from './rotation-work.ts';
import { tellWaiting } from './tell-waiting.ts';

/**
 * Once every machine is opened by the next keys, they are the cluster's, and the old ones are dropped. Until then, and while
 * machines come, both are kept.
 */
export async function finishManagementRotation(work: RotationWork): Promise<void> {
  const { db, secrets, events, clusterId, rotationId } = work;
  const found = await findRotation(db, rotationId);
  if (!found?.machines_secret_id || !found.proxies_secret_id) return;
  const { publicKey = null } = await readIdentity(secrets, found.machines_secret_id);
  await db.transaction().execute(async (tx) => {
    const cluster = await tx
      .selectFrom('cluster')
      .selectAll()
      .where('id', '=', clusterId)
      .forUpdate()
      .executeTakeFirst();
    const rotation = await findRotation(tx, rotationId);
    if (!cluster || !rotation || rotation.finished_at) return;
    await takeInAllMachines(tx, rotation);
    const machines = await rotatingMachines(tx, rotationId);
    const left = machines.filter(({ state }) => state !== 'done');
    // Of machines that are being made nobody knows yet which key they let in.
    if (left.length > 0 || isTransitional(cluster.status as ClusterStatus)) {
      await endPass(tx, rotation);
      if (rotation.passes === 0) await tellWaiting(events, tx, cluster, rotation, left);
      return;
    }
    const old = [
      ...[cluster.management_secret_id, cluster.proxy_secret_id],
      ...machines.map(({ old_secret_id }) => old_secret_id),
    ];
    await takeIntoUse(tx, cluster, rotation, publicKey);
    await finishRotation(tx, rotation);
    const replaced = [...new Set(old.flatMap((id) => id ?? []))];
    await dropReplaced(tx, clusterId, replaced, (ids) => forgetUnusedKeys(tx, clusterId, ids));
    const body = { cluster: cluster.name, rotation_id: rotationId, machines: machines.length };
    await events.append(
      { projectId: cluster.project_id, clusterId, type: 'management-key.rotated', body },
      tx,
    );
  });
}

/** What new machines are to let in, and what every machine has that is given no other. */
async function takeIntoUse(
  tx: Transaction<Schema>,
  { id }: ClusterRow,
  { machines_secret_id, proxies_secret_id }: KeyRotationRow,
  publicKey: string | null,
): Promise<void> {
  await updateCluster(tx, id, {
    management_public_key: publicKey,
    management_secret_id: machines_secret_id,
    proxy_secret_id: proxies_secret_id,
  });
  await tx
    .updateTable('instance')
    .set({ credential_secret_id: null })
    .where('cluster_id', '=', id)
    .where('credential_secret_id', 'in', [machines_secret_id ?? '', proxies_secret_id ?? ''])
    .execute();
}
