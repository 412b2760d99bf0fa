import { generateManagementKey } from '../../access/management-key.ts';
import { identityPurpose, writeIdentity } from '../../access/stored-identity.ts';
import { updateCluster } from '../../storage/clusters.ts';
import { type ClusterWork, theCluster } from '../cluster-work.ts';

/**
 * Makes the cluster's keys: one for its machines, another for the proxy role. A cluster that has them keeps them: both
 * are stored in the transaction that names them.
 */
export async function ensureManagementKeys(work: ClusterWork): Promise<void> {
  const { id, name } = await theCluster(work);
  await work.db.transaction().execute(async (tx) => {
    const row = await tx
      .selectFrom('cluster')
      .select(['management_secret_id', 'proxy_secret_id'])
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    if (!row || row.management_secret_id || row.proxy_secret_id) return;
    const machines = generateManagementKey(`wadi ${name}`);
    const proxies = generateManagementKey(`wadi ${name} proxies`);
    await updateCluster(tx, id, {
      management_public_key: machines.publicKey,
      management_secret_id: await work.secrets.put(identityPurpose, id, writeIdentity(machines), tx),
      proxy_secret_id: await work.secrets.put(identityPurpose, id, writeIdentity(proxies), tx),
    });
  });
}
