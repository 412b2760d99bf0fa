import { findAdoption } from '../storage/adoptions.ts';
import type { ProvisioningParts } from './provisioning.ts';
import { adoptionOf, creationOf, deletionOf, givingBackOf } from './workflow-ids.ts';

/** Of a cluster in status `Validating`. */
export async function beginCreation(
  { db, engine }: Pick<ProvisioningParts, 'db' | 'engine'>,
  clusterId: string,
): Promise<void> {
  const adoption = await findAdoption(db, clusterId);
  if (adoption) await engine.start('adopt-cluster', adoptionOf(adoption.work_id), { clusterId });
  else await engine.start('create-cluster', creationOf(clusterId), { clusterId });
}

/** Of a cluster in status `Deleting`. */
export async function beginDeletion(
  { db, engine }: Pick<ProvisioningParts, 'db' | 'engine'>,
  clusterId: string,
): Promise<void> {
  const adoption = await findAdoption(db, clusterId);
  const id = adoption ? givingBackOf(adoption.work_id) : deletionOf(clusterId);
  await engine.start('delete-cluster', id, { clusterId });
}
