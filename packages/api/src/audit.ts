import { type Static, Type } from 'typebox';

/**
 * A line of `GET /v2/audit`. The hash is SHA-256 over `previous`, project_id, sequence and the record, exactly as it
 * stands in the line, with a newline between each two.
 */
export const AuditLine = Type.Object({
  project_id: Type.String(),
  sequence: Type.Integer({ description: 'From 1 in each project, without gaps.' }),
  previous: Type.String({ description: 'Hash of the record before, zeros for the first.' }),
  hash: Type.String(),
  record: Type.Record(Type.String(), Type.Unknown()),
});
export type AuditLine = Static<typeof AuditLine>;

/** GET /v2/audit */
export const AuditQuery = Type.Object({
  project: Type.Optional(Type.String({ description: 'Default: your own.' })),
  after: Type.Optional(
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Sequence of a record.' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 1000.' })),
});
export type AuditQuery = Static<typeof AuditQuery>;

/** GET /v2/audit/verify */
export const AuditVerifyQuery = Type.Object({
  project: Type.Optional(Type.String({ description: 'Default: your own.' })),
});
export type AuditVerifyQuery = Static<typeof AuditVerifyQuery>;

/** The answer to `GET /v2/audit/verify`. */
export const AuditVerdict = Type.Object({
  intact: Type.Boolean(),
  records: Type.Integer({ description: 'That were looked at.' }),
  newest: Type.Integer({ description: 'Sequence of the newest record; 0: there is none.' }),
  problem: Type.Union([Type.String(), Type.Null()]),
});
export type AuditVerdict = Static<typeof AuditVerdict>;
