import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ApiError, type UploadAnswer, UploadRequest, uploadLimits } from '@wadi/api';
import { describeRoute } from '@wadi/indirect-access';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { Uploads } from '../../access/uploads.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { brokenConstraint } from '../../storage/constraint.ts';
import { findUpload, insertUpload, listUploadTargets, type UploadRow } from '../../storage/uploads.ts';
import type { HttpContext, Resource } from '../context.ts';
import { requireRight } from '../route-rights.ts';
import { askedBy } from './asked-by.ts';
import { callerGone } from './caller-gone.ts';
import { bodyOf } from './check-body.ts';
import { isUuid, notFound, ownCluster } from './own-cluster.ts';
import { targetsOf } from './targets-of.ts';
import { transferOperations } from './transfer-operations.ts';
import { digestOfUpload, plainUploadRequest } from './upload-request.ts';
import { viewOfUpload } from './upload-view.ts';

export interface UploadResourceParts {
  readonly access: ClusterAccess;
  readonly uploads: Uploads;
}

/** Every machine of the largest cluster named. */
const mostValues = 20_000;

/** Files that are put on machines, piece by piece: any controller takes the next one. */
export function uploads(parts: UploadResourceParts): Resource {
  return (app, context) => {
    const { db } = context;
    const path = '/v2/clusters/:cluster/uploads';
    const { config } = transferOperations.create;
    app.post(path, { config: { ...config, mostValues } }, async (request, reply): Promise<UploadAnswer> => {
      const cluster = await ownCluster(db, request);
      const wanted = bodyOf(UploadRequest, request);
      if (wanted.as_root) requireRight(request, 'root');
      const upload = await findOrInsert(parts, context, cluster, wanted, request);
      return answer(parts, context, upload, reply.code(201));
    });

    app.get(`${path}/:upload`, transferOperations.get, async (request, reply): Promise<UploadAnswer> => {
      const cluster = await ownCluster(db, request);
      return answer(parts, context, await uploadOf(context, cluster, request), reply);
    });

    app.delete(
      `${path}/:upload`,
      transferOperations.cancel,
      async (request, reply): Promise<UploadAnswer> => {
        const cluster = await ownCluster(db, request);
        const upload = await uploadOf(context, cluster, request);
        await parts.uploads.cancel(upload, cluster);
        return answer(parts, context, await uploadOf(context, cluster, request), reply);
      },
    );
  };
}

/** In a scope of its own: the body is a stream, whatever it calls itself. */
export function uploadPortions(parts: UploadResourceParts): Resource {
  return (app, context) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const { config } = transferOperations.append;
    const options = { config: { ...config, rawBody: true } };
    app.patch(
      '/v2/clusters/:cluster/uploads/:upload',
      options,
      async (request, reply): Promise<UploadAnswer> => {
        const cluster = await ownCluster(context.db, request);
        const upload = await uploadOf(context, cluster, request);
        if (upload.as_root) requireRight(request, 'root');
        if (upload.status !== 'receiving')
          throw new ApiError(409, 'CONFLICT', `Upload ${upload.id} is over: it is ${upload.status}`);
        const { facts } = await parts.access.reach(cluster);
        await requireRootOn(context, upload, facts.instances, request);
        const offset = offsetOf(request, upload);
        const signal = callerGone(reply, context.stopping);
        const { 'content-length': length } = request.headers;
        const portion = {
          ...{ offset, length: length === undefined ? null : Number(length) },
          ...{ bytes: piecesOf(request.raw), signal },
        };
        await parts.uploads
          .receive(upload, cluster, portion)
          .catch((error) => {
            const { upload_offset: real } = error instanceof ApiError ? error.details : {};
            if (real !== undefined) reply.header('Upload-Offset', String(real));
            if (signal.aborted || error.status === 499) reply.header('Connection', 'close');
            throw error;
          })
          // What was not wanted of it would stand before the next request of its connection.
          .finally(() => request.raw.resume());
        return answer(parts, context, await uploadOf(context, cluster, request), reply);
      },
    );
  };
}

async function findOrInsert(
  { access }: UploadResourceParts,
  { db }: HttpContext,
  cluster: ClusterRow,
  wanted: UploadRequest,
  request: FastifyRequest,
): Promise<UploadRow> {
  const id = (wanted.id ?? randomUUID()).toLowerCase();
  const plain = plainUploadRequest(wanted);
  const digest = digestOfUpload(cluster.id, plain);
  const known = await findUpload(db, id);
  if (known) return sameUpload(known, digest);
  if (cluster.status === 'Deleting')
    throw new ApiError(400, 'INVALID_REFERENCE', `Cluster ${cluster.name} is being deleted`);
  const reach = await access.reach(cluster);
  const targets = await targetsOf(db, cluster, reach.facts, plain.targets);
  if (targets.some(isRoot)) requireRight(request, 'root');
  const row = {
    ...{ id, projectId: cluster.project_id, clusterId: cluster.id, digest, ...plain },
    askedBy: askedBy(request),
    targets: targets.map((instance) => {
      const [route] = reach.routes(instance);
      return { id: instance.id, name: instance.name, route: route ? describeRoute(route) : null };
    }),
  };
  const inserted = await db
    .transaction()
    .execute((tx) => insertUpload(tx, row))
    .catch((error) => {
      throw brokenConstraint(error) === 'reference' ? notFound(cluster.id) : error;
    });
  if (inserted) return inserted;
  const other = await findUpload(db, id);
  if (!other) throw notFound(id);
  return sameUpload(other, digest);
}

function sameUpload(upload: UploadRow, digest: string): UploadRow {
  if (upload.request_digest === digest) return upload;
  throw new ApiError(409, 'CONFLICT', `Upload ${upload.id} exists already and was asked for differently`, {
    hint: 'take a new id for a new upload; repeat a request exactly as it was',
  });
}

/** Who logs in as root is root, whether it was asked for or not. */
function isRoot({ loginUser }: InstanceFacts): boolean {
  return loginUser === 'root';
}

async function requireRootOn(
  { db }: HttpContext,
  upload: UploadRow,
  instances: readonly InstanceFacts[],
  request: FastifyRequest,
): Promise<void> {
  const roots = new Set(instances.filter(isRoot).map(({ id }) => id));
  if (roots.size === 0) return;
  const targets = await listUploadTargets(db, upload.id);
  if (targets.some(({ instance_id: id }) => roots.has(id))) requireRight(request, 'root');
}

function offsetOf(request: FastifyRequest, { id, size }: UploadRow): number {
  const {
    'upload-offset': text,
    'content-length': length = '0',
    'content-type': type = '',
  } = request.headers;
  if (!/^application\/(offset\+)?octet-stream\b/.test(type))
    throw new ApiError(400, 'INVALID_DATA', 'A portion of an upload is application/offset+octet-stream');
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text))
    throw new ApiError(
      400,
      'INVALID_DATA',
      'The header Upload-Offset must say at which byte the portion begins',
    );
  if (Number(length) > uploadLimits.largestPortion)
    throw new ApiError(413, 'REQUEST_TOO_LARGE', 'The portion is too large', {
      hint: `it may have at most ${uploadLimits.largestPortion} bytes; send the rest with the next`,
    });
  const offset = Number(text);
  if (offset + Number(length) <= Number(size)) return offset;
  throw new ApiError(
    400,
    'INVALID_DATA',
    `Upload ${id} has ${size} bytes, and this portion goes beyond them`,
  );
}

async function* piecesOf(body: IncomingMessage): AsyncGenerator<Buffer> {
  let bytes = 0;
  // The connection goes on after a portion that is not wanted.
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > uploadLimits.largestPortion)
      throw new ApiError(413, 'REQUEST_TOO_LARGE', 'The portion is too large');
    yield chunk as Buffer;
  }
}

async function uploadOf(
  { db }: HttpContext,
  cluster: ClusterRow,
  request: FastifyRequest,
): Promise<UploadRow> {
  const { upload: id } = request.params as { upload: string };
  const upload = isUuid(id) ? await findUpload(db, id) : undefined;
  if (upload?.cluster_id !== cluster.id) throw notFound(id);
  return upload;
}

async function answer(
  parts: UploadResourceParts,
  { db }: HttpContext,
  upload: UploadRow,
  reply: FastifyReply,
): Promise<UploadAnswer> {
  const view = viewOfUpload(upload, await listUploadTargets(db, upload.id), parts.uploads.routes(upload.id));
  reply.header('Upload-Offset', String(view.offset));
  reply.header('Cache-Control', 'no-store');
  return { upload: view };
}
