import { type Static, Type } from 'typebox';

/** A master key: what it is known by, never the key. */
export const MasterKeyUse = Type.Object({
  id: Type.String({ examples: ['5f1d0c8a9b3e7742'] }),
  fingerprint: Type.Union([Type.String(), Type.Null()], {
    description: 'Tells two keys apart; null: no controller has known the key since Wadi keeps fingerprints.',
  }),
  state: Type.Union([
    Type.Literal('current', { description: 'Encrypts what is stored.' }),
    Type.Literal('retiring', { description: 'Secrets that it encrypts are being encrypted anew.' }),
    Type.Literal('unused', { description: 'A controller knows it, and nothing is encrypted with it.' }),
  ]),
  secrets: Type.Integer({ description: 'That it encrypts.' }),
});
export type MasterKeyUse = Static<typeof MasterKeyUse>;

/** A controller, and the master keys that it knows. */
export const MasterKeyHolder = Type.Object({
  controller_id: Type.String({ format: 'uuid' }),
  name: Type.String({ description: 'Its computer and data directory.' }),
  source: Type.String({ description: 'Where its keys come from.', examples: ['file /etc/wadi/master.key'] }),
  keys: Type.Array(Type.String(), { description: 'Ids; the first is the one to be used.' }),
  problem: Type.Union([Type.String(), Type.Null()], {
    description: 'Why the source could not be read the last time.',
  }),
});
export type MasterKeyHolder = Static<typeof MasterKeyHolder>;

/** The answer to `GET /v2/keys` and `POST /v2/keys/rotate`. */
export const MasterKeyList = Type.Object({
  keys: Type.Array(MasterKeyUse),
  controllers: Type.Array(MasterKeyHolder),
  secrets: Type.Integer({ description: 'All that there are.' }),
  remaining: Type.Integer({ description: 'Of these: still to be encrypted with the current key.' }),
  unreadable: Type.Integer({ description: 'Of these: do not open, as their records were changed.' }),
});
export type MasterKeyList = Static<typeof MasterKeyList>;

/** POST /v2/keys/rotate */
export const MasterKeyRotation = Type.Object(
  {
    replaces: Type.String({
      pattern: '^[0-9a-f]{8,16}$',
      description:
        'Id of the current key. Refused when that is another one, so that repeating it replaces nothing.',
    }),
  },
  { additionalProperties: false },
);
export type MasterKeyRotation = Static<typeof MasterKeyRotation>;
