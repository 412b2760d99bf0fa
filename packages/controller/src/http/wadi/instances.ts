import type { Instance, InstanceList, RouteView } from '@wadi/api';
import { describeRoute, type Route } from '@wadi/indirect-access';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import { fingerprint } from '../../access/host-key.ts';
import { listInstances } from '../../storage/instances.ts';
import type { Resource } from '../context.ts';
import { machineOperations } from './machine-operations.ts';
import { ownCluster } from './own-cluster.ts';

/** Machines of a cluster, and the way to each. */
export function instances(access: ClusterAccess): Resource {
  return (app, { db }) => {
    app.get(
      '/v2/clusters/:cluster/instances',
      machineOperations.list,
      async (request): Promise<InstanceList> => {
        const cluster = await ownCluster(db, request);
        const [rows, reach] = await Promise.all([listInstances(db, cluster.id), access.reach(cluster)]);
        return {
          instances: rows.map((row): Instance => {
            const facts = reach.find(row.id);
            const [route] = facts ? reach.routes(facts) : [];
            return {
              id: row.id,
              name: row.name,
              node_group_name: row.node_group_name,
              is_proxy: row.is_proxy,
              cloud_instance_id: row.cloud_instance_id,
              internal_ip: row.internal_ip,
              floating_ip: row.floating_ip,
              management_ip: row.management_ip,
              login_user: row.login_user,
              ssh_port: route?.machine.port ?? null,
              host_key: {
                fingerprints: row.host_keys.map(fingerprint),
                keys: row.host_keys,
                source: row.host_key_source as Instance['host_key']['source'],
              },
              route: route ? viewOf(route) : null,
            };
          }),
        };
      },
    );
  };
}

function viewOf(route: Route): RouteView {
  const [first, ...jumps] = route.hops;
  const opened = jumps[0]?.machine ?? route.machine;
  return {
    text: describeRoute(route),
    hops: [
      {
        kind: first.kind,
        ...(first.kind === 'netns' ? { namespace: first.namespace } : {}),
        host: opened.host,
        port: opened.port,
      },
      ...jumps.map(({ kind, machine, relay }) => ({
        kind,
        machine: machine.name,
        host: machine.host,
        port: machine.port,
        relay,
      })),
    ],
  };
}
