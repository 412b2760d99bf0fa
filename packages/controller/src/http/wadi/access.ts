import { AccessSettings, type ClusterAccessAnswer } from '@wadi/api';
import {
  type AccessPolicy,
  accessSettings,
  commandOf,
  methodOf,
  namespaceOf,
  ownSettings,
} from '../../access/access-settings.ts';
import { checkMayUpdate } from '../../clusters/ownership.ts';
import { appendAudit } from '../../storage/audit.ts';
import { type ClusterRow, updateCluster } from '../../storage/clusters.ts';
import { listInstances } from '../../storage/instances.ts';
import { findVisible } from '../../storage/visible-row.ts';
import type { Resource } from '../context.ts';
import { accessOperations } from './access-operations.ts';
import { askedBy } from './asked-by.ts';
import { checkAccess, requireAdminFor } from './check-access.ts';
import { bodyOf } from './check-body.ts';
import { notFound, ownCluster } from './own-cluster.ts';

interface OfCluster {
  Params: { cluster: string };
}

/** How a cluster's machines are reached. */
export function clusterAccess({ policy }: { readonly policy: AccessPolicy }): Resource {
  return (app, { db, events }) => {
    const path = '/v2/clusters/:cluster/access';

    app.get<OfCluster>(path, accessOperations.get, async (request): Promise<ClusterAccessAnswer> => {
      return { access: viewOf(await ownCluster(db, request), policy) };
    });

    app.put<OfCluster>(path, accessOperations.set, async (request): Promise<ClusterAccessAnswer> => {
      const wanted = bodyOf(AccessSettings, request);
      const { id } = await ownCluster(db, request);
      const { projectId } = request.principal;
      const changed = await db.transaction().execute(async (tx) => {
        const cluster = await findVisible(tx, 'cluster', projectId, id, 'update');
        if (!cluster) throw notFound(id);
        checkMayUpdate('ClusterResource', cluster, projectId, { machines: true });
        requireAdminFor(request, wanted, ownSettings(cluster.access));
        const machines = (await listInstances(tx, id)).map((row) => ({
          isProxy: row.is_proxy,
          floatingIp: row.floating_ip,
        }));
        checkAccess({ ...cluster, access: wanted }, policy, machines);
        const { trust_first_contact } = cluster.access;
        const kept = trust_first_contact === undefined ? {} : { trust_first_contact };
        const access = JSON.stringify({ ...kept, ...wanted });
        const about = {
          access: 'admin',
          action: 'cluster.access',
          ...askedBy(request),
          cluster: id,
          settings: wanted,
        };
        await appendAudit(tx, [{ projectId, about }]);
        const body = { cluster: cluster.name, method: methodOf({ ...cluster, access: wanted }, policy) };
        await events.append({ projectId, clusterId: id, type: 'cluster.access', body }, tx);
        return updateCluster(tx, id, { access });
      });
      return { access: viewOf(changed, policy) };
    });
  };
}

function viewOf(cluster: ClusterRow, policy: AccessPolicy): ClusterAccessAnswer['access'] {
  const { entrance, relay } = accessSettings(cluster, policy);
  const method = methodOf(cluster, policy);
  return {
    settings: ownSettings(cluster.access),
    effective: {
      method,
      namespace: method === 'netns' ? namespaceOf(cluster) : null,
      proxy_command: method === 'proxy_command' ? commandOf(cluster, policy) : null,
      relay,
      problem: entrance && 'problem' in entrance ? entrance.problem : null,
    },
  };
}
