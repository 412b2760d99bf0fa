import { type Static, Type } from 'typebox';
import { RunTargetError } from './run.ts';

const MiB = 1024 * 1024;

export const uploadLimits = {
  /** Bytes of a file. */
  largestFile: 2 ** 42,
  /** Most bytes that one request brings. */
  largestPortion: 64 * MiB,
} as const;

const FilePath = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: "Of the file on the machine; a relative one starts at the login user's home.",
});

/** POST /v2/clusters/{id}/uploads */
export const UploadRequest = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        format: 'uuid',
        description: 'Chosen by the client: the same id with the same request is the same upload.',
      }),
    ),
    path: FilePath,
    size: Type.Integer({ minimum: 0, maximum: uploadLimits.largestFile, description: 'Bytes of the file.' }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of the whole file, in hex.' }),
    targets: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description: 'Names or ids of instances, or names of node groups. Absent or empty: all.',
      }),
    ),
    mode: Type.Optional(
      Type.String({
        pattern: '^0?[0-7]{3,4}$',
        description:
          'In octal. Absent: a file that is there keeps its own, a new one gets 644 less the umask.',
      }),
    ),
    as_root: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type UploadRequest = Static<typeof UploadRequest>;

const Moment = Type.Union([Type.String(), Type.Null()]);

/** `done`: checked, and in its place. `failed`: `error` says why, and nothing is left of it. */
export const UploadTargetStatus = Type.Union([
  Type.Literal('receiving'),
  Type.Literal('done'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
]);
export type UploadTargetStatus = Static<typeof UploadTargetStatus>;

export const UploadTarget = Type.Object({
  instance_id: Type.String(),
  instance_name: Type.String(),
  status: UploadTargetStatus,
  offset: Type.Integer({ description: 'Bytes that the machine was last known to have.' }),
  route: Type.Union([Type.String(), Type.Null()], { description: 'By which bytes came last, or come.' }),
  active: Type.Boolean({ description: 'Bytes are on their way to it at this moment, by this controller.' }),
  error: Type.Union([RunTargetError, Type.Null()]),
  finished_at: Moment,
});
export type UploadTarget = Static<typeof UploadTarget>;

export const Upload = Type.Object({
  id: Type.String(),
  cluster_id: Type.String(),
  path: Type.String(),
  size: Type.Integer(),
  sha256: Type.String(),
  mode: Type.Union([Type.String(), Type.Null()]),
  as_root: Type.Boolean(),
  status: Type.Union([Type.Literal('receiving'), Type.Literal('finished'), Type.Literal('cancelled')]),
  offset: Type.Integer({ description: 'Where to go on: the least of those that still receive.' }),
  created_at: Type.String(),
  finished_at: Moment,
  targets: Type.Array(UploadTarget),
});
export type Upload = Static<typeof Upload>;

export const UploadAnswer = Type.Object({ upload: Upload });
export type UploadAnswer = Static<typeof UploadAnswer>;

/** GET /v2/clusters/{id}/instances/{instance}/file */
export const FileQuery = Type.Object({
  path: FilePath,
  as_root: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
});
export type FileQuery = Static<typeof FileQuery>;

export const FileDigest = Type.Object({
  size: Type.Integer(),
  sha256: Type.String(),
  etag: Type.String({ description: 'As the file itself has it.' }),
});
export type FileDigest = Static<typeof FileDigest>;

export const FileDigestAnswer = Type.Object({ file: FileDigest });
export type FileDigestAnswer = Static<typeof FileDigestAnswer>;
