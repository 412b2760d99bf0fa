import { type Static, Type } from 'typebox';

const NullableText = (description: string) => Type.Union([Type.String(), Type.Null()], { description });

const ResourceKind = Type.Union(
  (['server', 'floating_ip', 'server_group', 'security_group'] as const).map((kind) => Type.Literal(kind)),
);

/** What names one thing in a cloud. */
const reference = {
  cloud: Type.String({ minLength: 1, maxLength: 64, examples: ['openstack'] }),
  project_id: Type.String({ minLength: 1, maxLength: 64 }),
  kind: Type.Unsafe<'server' | 'floating_ip' | 'server_group' | 'security_group'>(ResourceKind),
  id: Type.String({ minLength: 1, maxLength: 128, description: "The cloud's." }),
};

export const LeftoverReference = Type.Object(reference, { additionalProperties: false });
export type LeftoverReference = Static<typeof LeftoverReference>;

/** Made for a cluster that is not there any more. */
export const Leftover = Type.Object({
  ...reference,
  name: Type.String(),
  cluster_id: Type.String(),
  installation_id: NullableText('Which installation of Wadi made it; null: nothing on it tells.'),
  created_at: NullableText('Null: the cloud does not tell.'),
  kept_because: NullableText('Why it is not removed; null: it can be.'),
});
export type Leftover = Static<typeof Leftover>;

/** A member's word that the controller may act for a project, which does not count any more, or not for long. */
export const TroubledDelegation = Type.Object({
  project_id: Type.String(),
  user_id: Type.String(),
  user_name: Type.String(),
  expires_at: Type.String(),
  dead_since: NullableText('When Keystone refused it; null: it did not.'),
});
export type TroubledDelegation = Static<typeof TroubledDelegation>;

/** GET /v2/doctor */
export const Doctor = Type.Object({
  leftovers: Type.Array(Leftover),
  delegations: Type.Array(TroubledDelegation),
  unseen: Type.Array(
    Type.Object({ cloud: Type.String(), project_id: Type.String(), message: Type.String() }),
    { description: 'Projects in which nobody could look.' },
  ),
});
export type Doctor = Static<typeof Doctor>;

export const DoctorAnswer = Type.Object({ doctor: Doctor });
export type DoctorAnswer = Static<typeof DoctorAnswer>;

/** POST /v2/doctor/remove */
export const LeftoverRemoval = Type.Object(
  { leftovers: Type.Array(LeftoverReference, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
);
export type LeftoverRemoval = Static<typeof LeftoverRemoval>;

export const LeftoverRemovalAnswer = Type.Object({
  removed: Type.Array(LeftoverReference),
  kept: Type.Array(Type.Object({ ...reference, reason: Type.String() })),
});
export type LeftoverRemovalAnswer = Static<typeof LeftoverRemovalAnswer>;
