import { ApiError, type FileDigestAnswer, FileQuery } from '@wadi/api';
import { AccessError, type FileFacts, type OpenDownload, type Route } from '@wadi/indirect-access';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { accessApiError } from '../../access/access-problem.ts';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { AuditLog } from '../../storage/audit-log.ts';
import type { HttpContext, Resource } from '../context.ts';
import { requireRight } from '../route-rights.ts';
import { beginAccess } from './audit-access.ts';
import { byteRange } from './byte-range.ts';
import { callerGone } from './caller-gone.ts';
import { ownCluster } from './own-cluster.ts';
import { readQuery } from './read-query.ts';
import { unknownTargets } from './resolve-targets.ts';
import { transferOperations } from './transfer-operations.ts';
import { checkFilePath } from './upload-request.ts';

interface Asked {
  readonly reach: ClusterReach;
  readonly instance: InstanceFacts;
  readonly spec: { readonly path: string; readonly asRoot: boolean; readonly signal: AbortSignal };
  readonly begun: Awaited<ReturnType<typeof beginAccess>>;
}

/** Files of machines. */
export function files(access: ClusterAccess, controllerId: string): Resource {
  return (app, context) => {
    const audit = new AuditLog(context.db);
    const ask = (request: FastifyRequest, reply: FastifyReply) =>
      asked(access, context, { audit, owner: controllerId }, request, reply);
    const path = '/v2/clusters/:cluster/instances/:instance/file';

    app.get(path, transferOperations.read, async (request, reply) => {
      const { reach, instance, spec, begun } = await ask(request, reply);
      try {
        const [open, route] = await through(reach, instance, spec.signal, (way) =>
          reach.indirect.transfers(way).openDownload(spec),
        );
        return send(open, route, begun, request, reply);
      } catch (error) {
        begun.failed(error);
        throw error;
      }
    });

    app.get(
      `${path}/digest`,
      transferOperations.digest,
      async (request, reply): Promise<FileDigestAnswer> => {
        const { reach, instance, spec, begun } = await ask(request, reply);
        try {
          const [facts, route] = await through(reach, instance, spec.signal, (way) =>
            reach.indirect.transfers(way).digest(spec),
          );
          begun.ended(200, route);
          return { file: { size: facts.size, sha256: facts.sha256, etag: etagOf(facts) } };
        } catch (error) {
          begun.failed(error);
          throw error;
        }
      },
    );
  };
}

async function asked(
  access: ClusterAccess,
  { db, stopping, log }: HttpContext,
  record: { readonly audit: AuditLog; readonly owner: string },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Asked> {
  const cluster = await ownCluster(db, request);
  const { path, as_root } = readQuery(FileQuery, request);
  checkFilePath(path);
  const { instance: name } = request.params as { instance: string };
  const reach = await access.reach(cluster);
  const instance = reach.find(name);
  if (!instance) throw unknownTargets(reach.facts, [name]);
  const asRoot = as_root === 'true';
  if (asRoot || instance.loginUser === 'root') requireRight(request, 'root');
  const [route] = reach.routes(instance);
  const what = { direction: 'download', path, as_root: asRoot || instance.loginUser === 'root' };
  const begun = await beginAccess('file', { ...record, log, cluster, instance, request, route }, what);
  return { reach, instance, spec: { path, asRoot, signal: callerGone(reply, stopping) }, begun };
}

async function through<T>(
  reach: ClusterReach,
  instance: InstanceFacts,
  signal: AbortSignal,
  work: (route: Route) => Promise<T>,
): Promise<[T, Route]> {
  try {
    return await reach.through(instance, async (route) => [await work(route), route], signal);
  } catch (error) {
    if (signal.aborted) throw new ApiError(499, 'CANCELLED', 'The request was given up', { cause: error });
    throw fileApiError(error);
  }
}

/** What is wrong with the file is the caller's; what is wrong with the way to it is not. */
function fileApiError(error: unknown): unknown {
  if (!(error instanceof AccessError)) return accessApiError(error);
  const { code, message, hint, hop } = error;
  const statuses: Partial<Record<AccessError['code'], number>> = {
    FILE_NOT_FOUND: 404,
    PERMISSION_DENIED: 400,
    FILE_FAILED: 400,
    SUDO_REFUSED: 400,
    FILE_CHANGED: 412,
  };
  const status = statuses[code];
  if (status === undefined) return accessApiError(error);
  return new ApiError(status, code, message, { ...(hint ? { hint } : {}), details: { hop }, cause: error });
}

function send(
  open: OpenDownload,
  route: Route,
  begun: Asked['begun'],
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { size } = open.facts;
  const etag = etagOf(open.facts);
  reply.headers({
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-store',
    'Content-Type': 'application/octet-stream',
    // Whatever it is, it is none of the controller's own pages.
    'Content-Disposition': 'attachment',
  });
  try {
    const { 'if-match': match, 'if-range': ifRange, range } = request.headers;
    if (match !== undefined && match !== '*' && !match.split(',').some((each) => each.trim() === etag))
      throw new ApiError(412, 'FILE_CHANGED', 'The file is not the one it was', { hint: 'begin again' });
    const wanted = ifRange === undefined || ifRange === etag ? byteRange(range, size) : undefined;
    const { offset, length } = wanted ?? { offset: 0, length: size };
    reply.code(wanted ? 206 : 200).header('Content-Length', String(length));
    if (wanted) reply.header('Content-Range', `bytes ${offset}-${offset + length - 1}/${size}`);
    if (request.method !== 'HEAD')
      return reply.send(begun.count(open.read(offset, length), reply.statusCode, route));
    open.close();
    begun.ended(reply.statusCode, route);
    return reply.send();
  } catch (error) {
    open.close();
    if ((error as ApiError).status === 416) reply.header('Content-Range', `bytes */${size}`);
    throw error;
  }
}

function etagOf({ size, version }: FileFacts): string {
  return `"${version}-${size.toString(16)}"`;
}
