import { type Static, Type } from 'typebox';

const Reference = Type.Object({ id: Type.String(), name: Type.String() });

const Endpoint = Type.Object({
  interface: Type.String(),
  region: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  region_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  url: Type.String(),
});

const CatalogEntry = Type.Object({ type: Type.String(), endpoints: Type.Array(Endpoint) });
export type CatalogEntry = Static<typeof CatalogEntry>;

/** What Keystone answers to a login, as far as it is used. */
export const TokenAnswer = Type.Object({
  token: Type.Object({
    issued_at: Type.String(),
    expires_at: Type.String(),
    user: Reference,
    project: Type.Optional(Reference),
    roles: Type.Optional(Type.Array(Reference)),
    catalog: Type.Optional(Type.Array(CatalogEntry)),
  }),
});
export type TokenAnswer = Static<typeof TokenAnswer>;

/** Who a session is, and for what. */
export interface Identity {
  readonly user: { readonly id: string; readonly name: string };
  /** Null: the token counts for none. */
  readonly project: { readonly id: string; readonly name: string } | null;
  readonly roles: readonly { readonly id: string; readonly name: string }[];
}

/** A login. */
export interface Grant extends Identity {
  readonly token: string;
  /** By performance.now(): from when on a new one is asked for. */
  readonly renewAt: number;
  readonly catalog: readonly CatalogEntry[];
}

/** At most this long before its end, in milliseconds, a token is renewed, so that it does not end on its way. */
const early = 120_000;

/** How long it counts is computed from Keystone's own times, since clocks differ. */
export function grantOf({ token: answer }: TokenAnswer, token: string, asked: number): Grant {
  const lifetime = Date.parse(answer.expires_at) - Date.parse(answer.issued_at);
  const counted = Number.isFinite(lifetime) ? Math.max(0, lifetime) : 0;
  return {
    token,
    renewAt: asked + counted - Math.min(early, counted / 4),
    user: answer.user,
    project: answer.project ?? null,
    roles: answer.roles ?? [],
    catalog: answer.catalog ?? [],
  };
}
