import { type Static, Type } from 'typebox';

/** The body of every refusal. The first three keys are Sahara's; `error_message` ends with the id on a line of its own. */
export const ErrorBody = Type.Object({
  error_code: Type.Integer({ description: 'The HTTP status again.' }),
  // Sahara answers the integer 400 here for a bad `limit` or `sort_by`.
  error_name: Type.Union([Type.String(), Type.Integer()]),
  error_message: Type.String(),
  error_id: Type.Optional(Type.String({ format: 'uuid' })),
  fields: Type.Optional(
    Type.Array(Type.String({ examples: ['node_groups[0][count]'] }), {
      description: 'Where in the body what is wrong stands.',
    }),
  ),
  hint: Type.Optional(Type.String({ description: 'What a person can do about it.' })),
  retryable: Type.Optional(Type.Boolean({ description: 'Whether the same request may succeed later.' })),
});
export type ErrorBody = Static<typeof ErrorBody>;

/**
 * Without a token that counts, in the words of Keystone's middleware; or with one of another project than the path's. With
 * the keys of every refusal beside them, which are all that Sahara's client reads.
 */
export const UnauthorizedBody = Type.Union([
  Type.Object({
    error: Type.Object({ code: Type.Integer(), title: Type.String(), message: Type.String() }),
    ...ErrorBody.properties,
  }),
  Type.Object({
    ...{ message: Type.String(), code: Type.String(), title: Type.String() },
    ...ErrorBody.properties,
  }),
]);
