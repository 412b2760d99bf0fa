import { randomUUID } from 'node:crypto';
import { pipeline, type Readable, Transform } from 'node:stream';
import { ApiError } from '@wadi/api';
import { describeRoute } from '@wadi/indirect-access';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import type { AuditLog } from '../../storage/audit-log.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { askedBy } from './asked-by.ts';

interface Fetch {
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly cluster: ClusterRow;
  readonly instance: InstanceFacts;
  readonly port: number;
  readonly request: FastifyRequest;
  readonly reach: ClusterReach;
}

/** Records that somebody asks a machine's web page, before the machine is asked; what it returns records the end. */
export async function beginFetch({ audit, log, cluster, instance, port, request, reach }: Fetch) {
  const [route] = reach.portRoutes(instance);
  const about = {
    access: 'http',
    id: randomUUID(),
    ...askedBy(request),
    cluster_id: cluster.id,
    instance_id: instance.id,
    instance: instance.name,
    route: route ? describeRoute(route) : null,
    port,
    method: request.method,
    // What follows the question mark may be anything.
    path: pathOf(request.url),
  };
  const append = (phase: object) =>
    audit.append({ projectId: cluster.project_id, about: { ...about, ...phase } });
  await append({ phase: 'begin' });
  const end = (how: object) => {
    append({ phase: 'end', ...how }).catch((error) =>
      log.error({ err: error, id: about.id }, 'the end of an access could not be recorded'),
    );
  };
  return {
    /** Passes the body on and records the end with it, whichever way it ends. */
    count(body: Readable, status: number): Readable {
      let bytes = 0;
      const counted = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          bytes += chunk.length;
          done(null, chunk);
        },
      });
      pipeline(body, counted, (error) => end({ status, bytes, complete: !error }));
      return counted;
    },
    failed(error: unknown): void {
      end({ status: null, bytes: 0, error: error instanceof ApiError ? error.errorName : 'INTERNAL' });
    },
  };
}

function pathOf(url: string): string {
  const [, path = '/'] = /\/http\/\d+(\/[^?]*)?/.exec(url) ?? [];
  return path.slice(0, 500);
}
