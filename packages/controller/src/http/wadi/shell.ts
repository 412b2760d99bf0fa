import { ApiError, ShellQuery } from '@wadi/api';
import type { RemoteExit, RemoteTerminal, Route } from '@wadi/indirect-access';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { accessApiError } from '../../access/access-problem.ts';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import { AuditLog } from '../../storage/audit-log.ts';
import type { Resource } from '../context.ts';
import { requireRight } from '../route-rights.ts';
import { acceptUpgrade, checkUpgrade } from '../upgrade.ts';
import { beginAccess } from './audit-access.ts';
import { callerGone } from './caller-gone.ts';
import { joinStreams } from './join-streams.ts';
import { ownCluster } from './own-cluster.ts';
import { readQuery } from './read-query.ts';
import { unknownTargets } from './resolve-targets.ts';
import { streamOperations } from './stream-operations.ts';

/** A terminal on a machine, in a WebSocket. Its text messages are `resize`, from the caller, and `exit`. */
export function shell(access: ClusterAccess, controllerId: string): Resource {
  return (app, { db, stopping, log }) => {
    const audit = new AuditLog(db);
    const url = '/v2/clusters/:cluster/instances/:instance/shell';
    app.get(url, streamOperations.shell, async (request: FastifyRequest, reply: FastifyReply) => {
      const cluster = await ownCluster(db, request);
      const query = readQuery(ShellQuery, request);
      checkUpgrade(request);
      const { instance: name } = request.params as { instance: string };
      const reach = await access.reach(cluster);
      const instance = reach.find(name);
      if (!instance) throw unknownTargets(reach.facts, [name]);
      const isRoot = instance.loginUser === 'root';
      const asRoot = query.as_root === 'true' && !isRoot;
      if (asRoot || isRoot) requireRight(request, 'root');
      const [route] = reach.routes(instance);
      const signal = callerGone(reply, stopping);
      const record = { audit, log, owner: controllerId, cluster, instance, request, route };
      const begun = await beginAccess('shell', record, { as_root: asRoot || isRoot });
      try {
        const size = { columns: query.columns ?? 80, rows: query.rows ?? 24 };
        const { term } = query;
        const open = async (way: Route): Promise<[RemoteTerminal, Route]> => {
          const options = { ...size, ...(term === undefined ? {} : { term }), asRoot, signal };
          return [await reach.indirect.terminal(way, options), way];
        };
        const [terminal, taken] = await reach.through(instance, open, signal).catch((error) => {
          if (signal.aborted)
            throw new ApiError(499, 'CANCELLED', 'The request was given up', { cause: error });
          throw accessApiError(error);
        });
        const stream = await acceptUpgrade(request, reply, {
          onControl: (message) => resize(terminal, message),
        }).catch((error) => {
          terminal.close();
          throw error;
        });
        // Before the end of the bytes, which comes when this is known.
        void terminal.exit.then((exit) => stream.control({ type: 'exit', ...exit })).catch(() => {});
        const counts = await joinStreams(stream, terminal.stream, signal);
        terminal.close();
        const end: RemoteExit | null = await terminal.exit.catch(() => null);
        begun.closed(taken, { ...counts, ...(end && { exit: end.status, exit_signal: end.signal }) });
      } catch (error) {
        begun.failed(error);
        throw error;
      }
    });
  };
}

/** What is no size changes nothing. */
function resize(terminal: RemoteTerminal, message: Readonly<Record<string, unknown>>): void {
  const { type, columns, rows } = message;
  if (type !== 'resize' || typeof columns !== 'number' || typeof rows !== 'number') return;
  try {
    terminal.resize({ columns, rows });
  } catch {
    // The caller's terminal is as it is.
  }
}
