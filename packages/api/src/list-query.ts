import { type Static, Type } from 'typebox';
import { orNull } from './field.ts';

/** Pages of a list, beside what it may be narrowed by. */
export const paging = {
  marker: Type.Optional(
    Type.String({ format: 'uuid', description: 'Id of the last one of the page before: `markers.next`.' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 999_999_999 })),
  sort_by: Type.Optional(
    Type.String({
      examples: ['name', '-created_at'],
      description: 'A field; with a hyphen in front, backwards.',
    }),
  ),
};

export const listFilters = {
  plugin_name: Type.Optional(Type.String()),
  plugin_version: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
};

/** Of templates and clusters. */
export const ListQuery = Type.Object({ ...listFilters, ...paging });
export type ListQuery = Static<typeof ListQuery>;

/** Of an answer: only where there is something to say. */
export const markers = {
  markers: Type.Optional(
    Type.Object(
      { prev: orNull(Type.String()), next: orNull(Type.String()) },
      { description: 'Of the pages around.' },
    ),
  ),
};
