import type { ProxyHealth, ProxyList } from '@wadi/api';
import { accessProblem } from '../../access/access-problem.ts';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { ProxyState } from '../../access/proxy-states.ts';
import type { Resource } from '../context.ts';
import { machineOperations } from './machine-operations.ts';
import { ownCluster } from './own-cluster.ts';

/** Proxies of a cluster, and how each is. */
export function proxies(access: ClusterAccess): Resource {
  return (app, { db }) => {
    app.get(
      '/v2/clusters/:cluster/proxies',
      machineOperations.proxies,
      async (request): Promise<ProxyList> => {
        const cluster = await ownCluster(db, request);
        return { proxies: (await access.health(cluster)).map(viewProxy) };
      },
    );
  };
}

export function viewProxy({
  proxy,
  state,
  since,
  latency,
  channels,
  connections,
  machines,
  cause,
}: ProxyState): ProxyHealth {
  const ago = since === undefined ? undefined : performance.now() - since;
  return {
    id: proxy.id,
    name: proxy.name,
    state,
    since: ago === undefined ? null : new Date(Date.now() - ago).toISOString(),
    latency_ms: latency === undefined ? null : Math.round(latency * 10) / 10,
    channels,
    connections,
    duty: proxy.duty ?? null,
    machines,
    error: cause ? accessProblem(cause) : null,
  };
}
