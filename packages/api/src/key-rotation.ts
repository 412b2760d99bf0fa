import { type Static, Type } from 'typebox';
import { RunTargetError } from './run.ts';

const moment = Type.String({ examples: ['2026-01-01T12:00:00.000Z'] });

export const KeyRotationKind = Type.Union([
  Type.Literal('management', {
    description: 'The keys by which the controller logs in, one for proxies, one for the others.',
  }),
  Type.Literal('host', { description: 'The keys by which machines are known.' }),
]);
export type KeyRotationKind = Static<typeof KeyRotationKind>;

/** How far it is on one machine. */
export const RotatingMachine = Type.Object({
  instance_id: Type.String({ format: 'uuid' }),
  instance: Type.String(),
  state: Type.Union([
    Type.Literal('pending', { description: 'The old key is in use.' }),
    Type.Literal('replaced', { description: 'The new key is in use, and the old one is still valid.' }),
    Type.Literal('done', { description: 'Only the new key is valid.' }),
  ]),
  problem: Type.Union([RunTargetError, Type.Null()], {
    description: 'Why it came no further the last time.',
  }),
});
export type RotatingMachine = Static<typeof RotatingMachine>;

/** Keys of a cluster that are replaced by new ones. */
export const KeyRotation = Type.Object({
  id: Type.String({ format: 'uuid' }),
  kind: KeyRotationKind,
  status: Type.Union([
    Type.Literal('running'),
    Type.Literal('waiting', { description: 'For machines that could not be reached, or not be changed.' }),
    Type.Literal('finished'),
  ]),
  next_try_at: Type.Union([moment, Type.Null()], {
    description: 'Of one that waits; asking for it again is sooner.',
  }),
  created_at: moment,
  finished_at: Type.Union([moment, Type.Null()]),
  machines: Type.Array(RotatingMachine),
});
export type KeyRotation = Static<typeof KeyRotation>;

export const KeyRotationAnswer = Type.Object({ key_rotation: KeyRotation });
export type KeyRotationAnswer = Static<typeof KeyRotationAnswer>;

export const KeyRotationList = Type.Object({ key_rotations: Type.Array(KeyRotation) });
export type KeyRotationList = Static<typeof KeyRotationList>;

/** POST …/key-rotations */
export const KeyRotationRequest = Type.Object(
  {
    kind: KeyRotationKind,
    targets: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
        maxItems: 10_000,
        description:
          'Names or ids of machines, or names of node groups; absent: all. Of kind `host` only: a management key is that of all.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type KeyRotationRequest = Static<typeof KeyRotationRequest>;
