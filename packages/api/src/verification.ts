import { type Static, Type } from 'typebox';
import { orNull, saharaMoment } from './field.ts';

export const Health = Type.Enum(['GREEN', 'YELLOW', 'RED']);
export type Health = Static<typeof Health>;

export const VerificationCheck = Type.Object({
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  verification_id: Type.String(),
  name: Type.String(),
  status: Health,
  description: Type.String(),
});
export type VerificationCheck = Static<typeof VerificationCheck>;

/** The last look at a cluster's health. A new one replaces it. */
export const Verification = Type.Object({
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  cluster_id: Type.String(),
  status: Type.Enum(['CHECKING', 'GREEN', 'YELLOW', 'RED'], {
    description: 'GREEN: all checks are; RED: one is.',
  }),
  checks: Type.Array(VerificationCheck, { description: 'None while it is under way.' }),
});
export type Verification = Static<typeof Verification>;
