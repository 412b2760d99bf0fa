import type { Duplex } from 'node:stream';
import { ApiError, PortQuery } from '@wadi/api';
import type { Route } from '@wadi/indirect-access';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { accessApiError } from '../../access/access-problem.ts';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { AuditLog } from '../../storage/audit-log.ts';
import type { Resource } from '../context.ts';
import { acceptUpgrade, checkUpgrade } from '../upgrade.ts';
import { beginAccess } from './audit-access.ts';
import { callerGone } from './caller-gone.ts';
import { joinStreams } from './join-streams.ts';
import { ownCluster } from './own-cluster.ts';
import { readPort } from './read-port.ts';
import { readQuery } from './read-query.ts';
import { unknownTargets } from './resolve-targets.ts';
import { streamOperations } from './stream-operations.ts';

/** Ports of machines, each a stream of bytes in a WebSocket. What goes wrong on the way is told before it is one. */
export function ports(access: ClusterAccess, controllerId: string): Resource {
  return (app, { db, stopping, log }) => {
    const audit = new AuditLog(db);
    const url = '/v2/clusters/:cluster/instances/:instance/ports/:port';
    app.get(url, streamOperations.port, async (request: FastifyRequest, reply: FastifyReply) => {
      const cluster = await ownCluster(db, request);
      const { from } = readQuery(PortQuery, request);
      const port = readPort(request);
      checkUpgrade(request);
      const { instance: name } = request.params as { instance: string };
      const reach = await access.reach(cluster);
      const instance = reach.find(name);
      if (!instance) throw unknownTargets(reach.facts, [name]);
      const within = from === 'machine';
      const [route] = within ? reach.routes(instance) : reach.portRoutes(instance);
      const signal = callerGone(reply, stopping);
      const record = { audit, log, owner: controllerId, cluster, instance, request, route };
      const begun = await beginAccess('port', record, { port, from: within ? 'machine' : 'network' });
      try {
        const [tunnel, taken] = await openTunnel(reach, instance, { port, within }, signal);
        const stream = await acceptUpgrade(request, reply, {}).catch((error) => {
          tunnel.destroy();
          throw error;
        });
        const counts = await joinStreams(stream, tunnel, signal);
        begun.closed(taken, counts);
      } catch (error) {
        begun.failed(error);
        throw error;
      }
    });
  };
}

async function openTunnel(
  reach: ClusterReach,
  instance: InstanceFacts,
  { port, within }: { readonly port: number; readonly within: boolean },
  signal: AbortSignal,
): Promise<[Duplex, Route]> {
  const open = async (route: Route): Promise<[Duplex, Route]> => {
    const target = within ? ({ port, host: 'loopback' } as const) : { port };
    return [await reach.indirect.tunnel(route, target, { signal }), route];
  };
  try {
    return await (within
      ? reach.through(instance, open, signal)
      : reach.throughToPort(instance, port, open, signal));
  } catch (error) {
    if (signal.aborted) throw new ApiError(499, 'CANCELLED', 'The request was given up', { cause: error });
    throw accessApiError(error);
  }
}
