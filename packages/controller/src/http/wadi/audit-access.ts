import { randomUUID } from 'node:crypto';
import { pipeline, type Readable, Transform } from 'node:stream';
import { ApiError } from '@wadi/api';
import { describeRoute, type Route } from '@wadi/indirect-access';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { AuditLog } from '../../storage/audit-log.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { askedBy } from './asked-by.ts';

export interface RecordedAccess {
  readonly audit: AuditLog;
  readonly log: Logger;
  /** Controller that records the end. */
  readonly owner: string;
  readonly cluster: ClusterRow;
  readonly instance: InstanceFacts;
  readonly request: FastifyRequest;
  /** The first that will be tried. */
  readonly route: Route | undefined;
}

/** Records that somebody gets something from a machine, before the machine is asked; what it returns records the end. */
export async function beginAccess(
  access: 'http' | 'file' | 'port' | 'shell',
  { audit, log, owner, cluster, instance, request, route }: RecordedAccess,
  what: object,
) {
  const id = randomUUID();
  const projectId = cluster.project_id;
  const about = {
    access,
    id,
    ...askedBy(request),
    cluster_id: cluster.id,
    instance_id: instance.id,
    instance: instance.name,
    route: route ? describeRoute(route) : null,
    ...what,
  };
  await audit.append({ projectId, about: { ...about, phase: 'begin' }, opens: { id, owner } });
  const end = (how: object) => {
    // What cannot be recorded now is recorded as unknown when this controller is gone.
    audit
      .append({ projectId, about: { ...about, phase: 'end', ...how }, closes: id })
      .catch((error) => log.error({ err: error, id }, 'the end of an access could not be recorded'));
  };
  return {
    /** Passes the body on and records the end with it, whichever way it ends. */
    count(body: Readable, status: number, taken: Route): Readable {
      let bytes = 0;
      const counted = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          bytes += chunk.length;
          done(null, chunk);
        },
      });
      const route = describeRoute(taken);
      pipeline(body, counted, (error) => end({ route, status, bytes, complete: !error }));
      return counted;
    },
    /** Without a body. */
    ended(status: number, taken: Route): void {
      end({ route: describeRoute(taken), status, bytes: 0, complete: true });
    },
    /** Of what goes both ways. `error`: why it was cut off. */
    closed(
      taken: Route,
      how: { readonly sent: number; readonly received: number; readonly error?: string },
    ): void {
      end({ route: describeRoute(taken), ...how, complete: how.error === undefined });
    },
    failed(error: unknown): void {
      end({ status: null, bytes: 0, error: error instanceof ApiError ? error.errorName : 'INTERNAL' });
    },
  };
}
