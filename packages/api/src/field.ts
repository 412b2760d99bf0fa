import { type Static, type TOptional, type TSchema, Type } from 'typebox';

// Nullable fields are spelled `type: ['string', 'null']` and not `anyOf`, because the error texts of the contract
// list the types: "is_proxy: 'yes' is not of type 'boolean', 'null'".

export const nullableText = (options: object = {}) =>
  Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], ...options }));

export const nullableBoolean = (options: object = {}) =>
  Type.Optional(Type.Unsafe<boolean | null>({ type: ['boolean', 'null'], ...options }));

export const nullableInteger = (options: object = {}) =>
  Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'], ...options }));

export const nullableList = <T>(items: object) =>
  Type.Optional(Type.Unsafe<T[] | null>({ type: ['array', 'null'], items }));

export const name = () => Type.String({ minLength: 1, maxLength: 50, format: 'valid_name_hostname' });

/** A flavor's id: a number, digits or a UUID. */
export const flavor = () =>
  Type.Unsafe<string | number>({
    'x-sahara-type': ['flavor'],
    anyOf: [
      { type: 'integer' },
      { type: 'string', pattern: '^\\s*[+-]?[0-9]+\\s*$' },
      { type: 'string', format: 'uuid', minLength: 1 },
    ],
  });

// What answers hold is always there, so that null says it where there is nothing.

export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** UTC without zone and fraction, as Sahara has it. */
export const saharaMoment = () => Type.String({ examples: ['2026-11-23T05:38:59'], description: 'UTC.' });

/** In an export, for what belongs to the place that it comes from. */
export const placeholder = () => Type.String({ description: 'To be replaced where it is imported.' });

/** Settings of a plugin: target, then name, then value. */
export const Configs = Type.Record(
  Type.String(),
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
);
export type Configs = Static<typeof Configs>;

export const configs = () =>
  Type.Optional(
    Type.Unsafe<Configs | null>({
      'x-sahara-type': ['configs', 'null'],
      type: ['object', 'null'],
      additionalProperties: {
        type: 'object',
        additionalProperties: { type: ['string', 'integer', 'boolean'] },
      },
    }),
  );

export const Share = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    path: nullableText(),
    access_level: Type.Optional(Type.Unsafe<'rw' | 'ro'>({ type: 'string', enum: ['rw', 'ro'] })),
  },
  { additionalProperties: false },
);
export type Share = Static<typeof Share>;

export const shares = () => Type.Optional(Type.Array(Share));

/** The same fields with nothing required: what an update may carry. */
export function allOptional<P extends Record<string, TSchema>>(properties: P) {
  const optional = Object.entries(properties).map(([key, schema]) => [key, Type.Optional(schema)]);
  return Object.fromEntries(optional) as { [K in keyof P]: TOptional<P[K]> };
}
