import type { ClusterRow } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import { type InstanceWithGroup, listInstances } from '../storage/instances.ts';
import type { ClusterFacts, InstanceFacts } from './cluster-facts.ts';

export async function readFacts(db: Database, cluster: ClusterRow): Promise<ClusterFacts> {
  const rows = await listInstances(db, cluster.id);
  return {
    clusterId: cluster.id,
    clusterName: cluster.name,
    instances: rows.map((row) => factsOf(cluster, row)),
  };
}

function factsOf(cluster: ClusterRow, row: InstanceWithGroup): InstanceFacts {
  // The proxy role has a key of its own: who takes over a machine gets nothing that opens the proxy.
  const roleKey = row.is_proxy ? cluster.proxy_secret_id : cluster.management_secret_id;
  const promoted =
    row.duty === 'promoted' && row.duty_address !== null
      ? { address: row.duty_address, port: row.duty_port }
      : undefined;
  return {
    id: row.id,
    name: row.name,
    nodeGroupId: row.node_group_id,
    nodeGroupName: row.node_group_name,
    groupPosition: row.group_position,
    index: row.index,
    isProxy: row.is_proxy,
    ...(row.duty === null ? {} : { duty: row.duty }),
    internalIp: row.internal_ip,
    floatingIp: row.floating_ip ?? promoted?.address ?? null,
    managementIp: promoted?.address ?? row.management_ip,
    sshPort: row.ssh_port,
    managementPort: promoted ? promoted.port : row.management_port,
    loginUser: row.login_user,
    credential: row.credential_secret_id ?? roleKey,
    hostKeys: row.host_keys,
  };
}
