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
  return {
    id: row.id,
    name: row.name,
    nodeGroupId: row.node_group_id,
    nodeGroupName: row.node_group_name,
    groupPosition: row.group_position,
    index: row.index,
    isProxy: row.is_proxy,
    internalIp: row.internal_ip,
    floatingIp: row.floating_ip,
    managementIp: row.management_ip,
    sshPort: row.ssh_port,
    managementPort: row.management_port,
    loginUser: row.login_user,
    credential: row.credential_secret_id ?? roleKey,
    hostKeys: row.host_keys,
  };
}
