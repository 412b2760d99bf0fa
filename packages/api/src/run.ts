import { type Static, Type } from 'typebox';

const MiB = 1024 * 1024;

/** Largest command text or argument list, standard input and environment of a run, in bytes. */
export const runLimits = {
  command: 64 * 1024,
  stdin: 8 * MiB,
  environment: 32 * 1024,
  /** Kept per machine and stream unless the request says otherwise. */
  defaultOutput: 8 * MiB,
  largestOutput: 1024 * MiB,
  /** Most that one call to the output endpoint returns. */
  outputPage: MiB,
  /** Longest `wait`, in seconds. */
  wait: 60,
} as const;

/** POST /v2/clusters/{id}/runs */
export const RunRequest = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        format: 'uuid',
        description: 'Chosen by the client: the same id with the same request is the same run, started once.',
      }),
    ),
    command: Type.Union([
      Type.String({ minLength: 1, description: "Text for the login user's shell." }),
      Type.Array(Type.String(), { minItems: 1, description: 'Arguments; quoted for you.' }),
    ]),
    targets: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description: 'Names or ids of instances, or names of node groups. Absent or empty: all.',
      }),
    ),
    stdin: Type.Optional(Type.String()),
    stdin_base64: Type.Optional(Type.String()),
    env: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String(), {
        additionalProperties: false,
      }),
    ),
    as_root: Type.Optional(Type.Boolean()),
    timeout_seconds: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 7 * 24 * 3600 })),
    max_output_bytes: Type.Optional(
      Type.Integer({ minimum: 0, maximum: runLimits.largestOutput, description: 'Per machine and stream.' }),
    ),
  },
  { additionalProperties: false },
);
export type RunRequest = Static<typeof RunRequest>;

/** Why a machine could not do it: at which hop, in which phase, and what a person can do. */
export const RunTargetError = Type.Object({
  code: Type.String(),
  hop: Type.Union([Type.String(), Type.Null()]),
  phase: Type.Union([Type.String(), Type.Null()]),
  message: Type.String(),
  hint: Type.Union([Type.String(), Type.Null()]),
  retryable: Type.Boolean(),
});
export type RunTargetError = Static<typeof RunTargetError>;

/**
 * `unreachable`: it never started. `unknown`: it was started and its end was not seen; it is never started again.
 */
export const RunTargetStatus = Type.Union([
  Type.Literal('pending'),
  Type.Literal('running'),
  Type.Literal('succeeded'),
  Type.Literal('failed'),
  Type.Literal('unreachable'),
  Type.Literal('cancelled'),
  Type.Literal('unknown'),
]);
export type RunTargetStatus = Static<typeof RunTargetStatus>;

const Moment = Type.Union([Type.String(), Type.Null()]);

export const RunTarget = Type.Object({
  instance_id: Type.String(),
  instance_name: Type.String(),
  route: Type.Union([Type.String(), Type.Null()]),
  status: RunTargetStatus,
  exit_status: Type.Union([Type.Integer(), Type.Null()]),
  signal: Type.Union([Type.String(), Type.Null()]),
  error: Type.Union([RunTargetError, Type.Null()]),
  stdout_bytes: Type.Integer({ description: 'So far; at the end all that the command wrote, kept or not.' }),
  stderr_bytes: Type.Integer(),
  truncated: Type.Boolean({ description: 'Some output was beyond `max_output_bytes` and is not kept.' }),
  started_at: Moment,
  finished_at: Moment,
});
export type RunTarget = Static<typeof RunTarget>;

export const Run = Type.Object({
  id: Type.String(),
  cluster_id: Type.String(),
  command: Type.Union([Type.String(), Type.Array(Type.String()), Type.Null()], {
    description: 'Null for who may only view.',
  }),
  as_root: Type.Boolean(),
  status: Type.Union([Type.Literal('running'), Type.Literal('finished'), Type.Literal('cancelled')]),
  created_at: Type.String(),
  finished_at: Moment,
  targets: Type.Array(RunTarget),
});
export type Run = Static<typeof Run>;

export const RunAnswer = Type.Object({ run: Run });
export type RunAnswer = Static<typeof RunAnswer>;

export const RunList = Type.Object({ runs: Type.Array(Run) });
export type RunList = Static<typeof RunList>;

const Wait = Type.Number({ minimum: 0, maximum: runLimits.wait, description: 'Seconds; answers earlier.' });

export const RunListQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 100.' })),
  marker: Type.Optional(
    Type.String({ format: 'uuid', description: 'the id of the last run of the page before' }),
  ),
});
export type RunListQuery = Static<typeof RunListQuery>;

export const RunQuery = Type.Object({ wait: Type.Optional(Wait) });
export type RunQuery = Static<typeof RunQuery>;

export const RunOutputQuery = Type.Object({
  instance: Type.String({ minLength: 1, description: 'name or id of a target' }),
  stream: Type.Union([Type.Literal('stdout'), Type.Literal('stderr')]),
  offset: Type.Optional(
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'In bytes; default 0.' }),
  ),
  wait: Type.Optional(Wait),
});
export type RunOutputQuery = Static<typeof RunOutputQuery>;
