import { type FieldPath, fieldText, formats } from '@wadi/api';
import { pythonText } from './python-text.ts';

/** The part of JSON Schema that the request schemas use, with two keywords of our own. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly minItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
  /** Whatever is wrong inside is told as one thing: the value is not of this type. */
  readonly 'x-sahara-type'?: readonly string[];
  /** On an alternative of `oneOf`: a value with this property was meant to be this one. */
  readonly 'x-chosen-by'?: string;
}

export interface SchemaProblem {
  readonly text: string;
  /** Where it is wrong; empty: another problem says it. */
  readonly fields: readonly FieldPath[];
  /** Where the text alone leaves people to guess. */
  readonly hint?: string;
}

type Check = (schema: Schema, value: unknown, path: FieldPath) => SchemaProblem[];

/**
 * What is wrong with a request's body; none: nothing. The texts and their order are the
 * contract's, that is python-jsonschema's: no validator of this language gives them, and ajv's errors hold too
 * little to make them from.
 */
export function schemaProblems(schema: object, value: unknown): SchemaProblem[] {
  return check(schema as Schema, value, []);
}

const check: Check = (schema, value, path) => {
  const named = schema['x-sahara-type'];
  if (named) {
    const inside = inOrder.flatMap((one) => one(schema, value, path));
    return inside.length === 0 ? [] : [line(path, `${pythonText(value)} is not of type ${list(named)}`)];
  }
  return inOrder.flatMap((one) => one(schema, value, path));
};

const type: Check = ({ type }, value, path) => {
  if (type === undefined) return [];
  const types = typeof type === 'string' ? [type] : type;
  if (types.some((name) => isOfType(name, value))) return [];
  return [line(path, `${pythonText(value)} is not of type ${list(types)}`)];
};

const oneOf: Check = ({ oneOf, anyOf }, value, path) => {
  const alternatives = oneOf ?? anyOf;
  if (!alternatives) return [];
  const matching = alternatives.filter((alternative) => check(alternative, value, path).length === 0);
  if (matching.length === 1 || (anyOf && matching.length > 0)) return [];
  if (matching.length > 1)
    return [line(path, `${pythonText(value)} is valid under more than one of the given schemas`)];
  const general = line(path, `${pythonText(value)} is not valid under any of the given schemas`);
  const meant = alternatives.find(({ 'x-chosen-by': key }) => key !== undefined && has(value, key));
  // Sahara stops here, and people have to guess.
  if (meant) return [{ ...general, fields: [] }, ...check(meant, value, path)];
  if (!isObject(value)) return [general];
  const keys = alternatives.flatMap((one) => one['x-chosen-by'] ?? one.required ?? []);
  return [
    {
      ...general,
      fields: keys.map((key) => [...path, key]),
      hint: `${path.length > 0 ? `${fieldText(path)}: ` : ''}give one of ${keys.join(', ')}`,
    },
  ];
};

const properties: Check = (schema, value, path) => {
  if (!isObject(value)) return [];
  const known = schema.properties ?? {};
  const problems = Object.entries(known).flatMap(([key, inner]) =>
    has(value, key) ? check(inner, value[key], [...path, key]) : [],
  );
  const further = Object.keys(value).filter((key) => !Object.hasOwn(known, key));
  const rule = schema.additionalProperties;
  if (typeof rule === 'object')
    problems.push(...further.flatMap((key) => check(rule, value[key], [...path, key])));
  if (rule === false && further.length > 0) {
    const verb = further.length === 1 ? 'was' : 'were';
    const text = `Additional properties are not allowed (${list(further)} ${verb} unexpected)`;
    problems.push({ ...line(path, text), fields: further.map((key) => [...path, key]) });
  }
  for (const key of schema.required ?? [])
    if (!has(value, key))
      problems.push({
        ...line(path, `${pythonText(key)} is a required property`),
        fields: [[...path, key]],
      });
  return problems;
};

const items: Check = ({ minItems, items }, value, path) => {
  if (!Array.isArray(value)) return [];
  if (minItems !== undefined && value.length < minItems)
    return [line(path, `${pythonText(value)} is too short`)];
  return items ? value.flatMap((item, index) => check(items, item, [...path, index])) : [];
};

const text: Check = ({ minLength, maxLength, pattern, format }, value, path) => {
  if (typeof value !== 'string') return [];
  const length = [...value].length;
  const problems: SchemaProblem[] = [];
  const say = (what: string) => problems.push(line(path, `${pythonText(value)} ${what}`));
  if (minLength !== undefined && length < minLength) say('is too short');
  if (maxLength !== undefined && length > maxLength) say('is too long');
  if (pattern !== undefined && !new RegExp(pattern).test(value)) say(`does not match ${pythonText(pattern)}`);
  // What PostgreSQL cannot store.
  if (/\0|\p{Cs}/u.test(value)) say("is not a 'text'");
  else if (format !== undefined && !formats[format]?.(value)) say(`is not a ${pythonText(format)}`);
  return problems;
};

const range: Check = ({ minimum, maximum, enum: values }, value, path) => {
  if (values && !values.includes(value))
    return [line(path, `${pythonText(value)} is not one of ${pythonText(values)}`)];
  if (typeof value !== 'number') return [];
  if (minimum !== undefined && value < minimum)
    return [line(path, `${value} is less than the minimum of ${minimum}`)];
  if (value > (maximum ?? greatest))
    return [line(path, `${value} is greater than the maximum of ${maximum ?? greatest}`)];
  return [];
};

/** PostgreSQL's `integer`; no number of the contract means anything beyond it. */
const greatest = 2 ** 31 - 1;

const inOrder: readonly Check[] = [type, oneOf, properties, items, text, range];

function isOfType(name: string, value: unknown): boolean {
  if (name === 'null') return value === null;
  if (name === 'array') return Array.isArray(value);
  if (name === 'object') return isObject(value);
  if (name === 'integer') return Number.isInteger(value);
  return typeof value === name;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function has(value: unknown, key: string): value is Record<string, unknown> {
  return isObject(value) && Object.hasOwn(value, key);
}

function list(names: readonly string[]): string {
  return names.map(pythonText).join(', ');
}

/** `node_groups[0][name]: …`; nothing before what concerns the whole body. */
function line(path: FieldPath, message: string): SchemaProblem {
  if (path.length === 0) return { text: message, fields: [] };
  return { text: `${fieldText(path)}: ${message}`, fields: [path] };
}
