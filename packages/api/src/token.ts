import { type Static, Type } from 'typebox';
import { Right, Role } from './right.ts';

const Moment = Type.Union([Type.String(), Type.Null()]);

/** Days that a token is valid unless its maker says otherwise, and at most. */
export const tokenLimits = { defaultDays: 90, mostDays: 3650 } as const;

/** POST /v2/tokens */
export const TokenRequest = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._@ -]{0,79}$' }),
    project: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Default: your own.' })),
    role: Role,
    rights: Type.Optional(
      Type.Array(Right, { minItems: 1, uniqueItems: true, description: 'Fewer than the role has.' }),
    ),
    expires_in_days: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: tokenLimits.mostDays, description: 'Default 90.' }),
    ),
  },
  { additionalProperties: false },
);
export type TokenRequest = Static<typeof TokenRequest>;

export const Token = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  project_id: Type.String(),
  role: Role,
  rights: Type.Array(Right, { description: 'All that it may do, at this moment.' }),
  created_at: Type.String(),
  expires_at: Moment,
  last_used_at: Moment,
  revoked_at: Moment,
});
export type Token = Static<typeof Token>;

export const TokenAnswer = Type.Object({ token: Token });
export type TokenAnswer = Static<typeof TokenAnswer>;

export const TokenList = Type.Object({ tokens: Type.Array(Token) });
export type TokenList = Static<typeof TokenList>;

/** The only answer that ever holds the secret itself. */
export const NewToken = Type.Object({ token: Token, secret: Type.String() });
export type NewToken = Static<typeof NewToken>;
