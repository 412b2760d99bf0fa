import { type FieldPath, fieldText } from '@wadi/api';
import fc from 'fast-check';
import type { Body } from './valid-body.ts';
import { inWords, isUnknown, type Version, wordOf } from './version-words.ts';

/** The part of JSON Schema that says what a field may be. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly minItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly 'x-since'?: string;
  readonly 'x-sahara-type'?: readonly string[];
  readonly 'x-chosen-by'?: string;
}

/** One field of a body with what it may not be; `absent`: it may not be missing. */
export interface WrongField {
  readonly path: FieldPath;
  readonly value: fc.Arbitrary<unknown>;
  /** A part of the refusal's text; absent: the name of the field. */
  readonly told?: string;
}

export const absent = Symbol('absent');

/** Of a valid body one field is made wrong, in a way that its schema (of v2) or only the rules behind it know of. */
export function wrongBodies(
  { schema, version, body }: { schema: object; version: Version; body: fc.Arbitrary<Body> },
  behind: (asked: Body) => WrongField[],
) {
  return body.chain((generated) => {
    const asked = inWords(generated, version);
    const all = [...inObject(schema as Schema, asked, [], version), ...behind(asked)];
    return fc.constantFrom(...all).chain(({ path, value, told }) =>
      value.map((wrong) => ({
        body: withValue(asked, path, wrong) as Body,
        field: fieldText(path),
        told: told ?? String(path.findLast((part) => typeof part === 'string')),
      })),
    );
  });
}

function inObject(schema: Schema, value: Body, path: FieldPath, version: Version): WrongField[] {
  const found: WrongField[] = [];
  const required = schema.required ?? [];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const key = wordOf(name, version);
    const at = [...path, key];
    // Without its template a group that has a flavor is one of the other kind.
    const becomesOther = key === 'node_group_template_id' && 'flavor_id' in value;
    if (isUnknown(inner, version)) found.push({ path: at, value: fc.oneof(...Object.values(examples)) });
    else {
      found.push({ path: at, value: fc.oneof(...wrongValues(inner)) });
      if (required.includes(name) && !becomesOther)
        found.push({ path: at, value: fc.constant(absent), ...told(at) });
      if (key in value) found.push(...inside(inner, value[key], at, version));
    }
  }
  for (const name of ['nonsense', 'constructor', version === 'v2' ? 'hadoop_version' : 'plugin_version'])
    found.push({ path: [...path, name], value: fc.constantFrom<unknown>(1, null, 'x', {}) });
  return found;
}

/** Of a group that is neither kind the two fields are told that make it one, and the text says neither. */
function told(path: FieldPath): { readonly told?: string } {
  const decides = ['flavor_id', 'node_group_template_id'].includes(String(path.at(-1)));
  return path.length > 1 && decides ? { told: 'not valid under any' } : {};
}

function inside(schema: Schema, value: unknown, path: FieldPath, version: Version): WrongField[] {
  // Told as one thing, whatever is wrong inside.
  if (schema['x-sahara-type']) return [];
  if (Array.isArray(value) && schema.items) {
    const items = schema.items;
    return value.flatMap((item, index) => {
      const at = [...path, index];
      const kind = items.oneOf?.find((one) => one['x-chosen-by'] && one['x-chosen-by'] in item) ?? items;
      return [{ path: at, value: fc.oneof(...wrongValues(kind)) }, ...inside(kind, item, at, version)];
    });
  }
  if (schema.properties && typeof value === 'object' && value !== null)
    return inObject(schema, value as Body, path, version);
  return [];
}

const examples: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  integer: fc.integer(),
  string: fc.constantFrom('true', '1', 'text', ''),
  array: fc.constantFrom<unknown>([], [5], [null]),
  object: fc.constantFrom<unknown>({}, { a: 1 }),
};

/** Texts that no format takes, and such as only it refuses. */
const badGrammar: Readonly<Record<string, readonly string[]>> = {
  valid_name_hostname: ['1a', 'a_b', '-a', 'a-', 'a.', '.a', 'a b', 'ä', 'a\n', 'a/b', '$(id)', 'a;b'],
  valid_keypair_name: ['no/key', 'ä', 'a\n', '`id`'],
  posix_path: ['relative', '/', '/a/', '/a b', '/../a', '/a\n'],
  uuid: ['x', '5e1f0000-0000-4000-8000-00000000000', '5e1f0000-0000-4000-8000-0000000000011', ' '],
};

function wrongValues(schema: Schema): fc.Arbitrary<unknown>[] {
  if (schema['x-sahara-type']?.includes('flavor'))
    return [fc.constantFrom<unknown>(null, true, 1.5, [], {}, '', 'large', '1 2', '-')];
  if (schema['x-sahara-type']?.includes('configs'))
    return [
      fc.constantFrom<unknown>(
        'a',
        5,
        true,
        [],
        { a: 1 },
        { a: { b: null } },
        { a: { b: [] } },
        { a: { b: 1.5 } },
      ),
    ];
  const types = [schema.type ?? 'object'].flat();
  const others = Object.entries(examples).flatMap(([type, example]) =>
    types.includes(type) ? [] : [example],
  );
  const further: unknown[] = [];
  if (types.includes('string') && !schema.enum)
    further.push('a\0b', '\ud800', ...(badGrammar[schema.format ?? ''] ?? []));
  if (schema.enum) further.push('zz', '');
  if (schema.minLength) further.push('');
  if (schema.maxLength) further.push('x'.repeat(schema.maxLength + 1));
  if (types.includes('integer')) further.push(0.5, (schema.maximum ?? 2 ** 31 - 1) + 1, Number.MAX_VALUE);
  if (schema.minimum !== undefined) further.push(schema.minimum - 1, -(2 ** 31));
  if (schema.minItems) further.push([]);
  return further.length === 0 ? others : [...others, fc.constantFrom(...further)];
}

/** Some fields of a body with whatever they are given: texts that no database stores, numbers of any size, any depth. */
export function nonsense(schema: object, version: Version): fc.Arbitrary<Body> {
  const names = Object.keys((schema as Schema).properties ?? {})
    // By chance these could be good: for a thousand clusters, or for one that nobody finds again.
    .filter((name) => name !== 'count' && name !== 'name')
    .map((name) => wordOf(name, version));
  const texts = fc.string({ unit: 'binary', maxLength: 60 });
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }),
    texts,
    fc.constantFrom<unknown>(null, 2 ** 40, 'a\0b', '\ud800', [null], [{}], { a: { b: 'c' } }),
  );
  return fc.dictionary(fc.oneof(fc.constantFrom(...names), texts), value, { maxKeys: 4 });
}

/** A copy in which the field has this value, or is absent. */
function withValue(target: unknown, [key, ...rest]: FieldPath, value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(target)) return target.with(Number(key), withValue(target[Number(key)], rest, value));
  const fields = target as Readonly<Record<string, unknown>> | undefined;
  const { [key]: before, ...others } = fields ?? {};
  const after = withValue(before, rest, value);
  return after === absent ? others : { ...others, [key]: after };
}
