import * as api from '@wadi/api';
import { formatPatterns } from '@wadi/api';

/** Schemas as they are, with a reference wherever one stands that `@wadi/api` has a name for. */
export class NamedSchemas {
  readonly #names = new Map<unknown, string>(
    Object.entries(api).flatMap(([name, value]) => (isSchema(value) ? [[value, componentName(name)]] : [])),
  );
  readonly #used = new Map<string, unknown>();

  /** Those that were referred to, for `components`. */
  get used(): Readonly<Record<string, unknown>> {
    return Object.fromEntries([...this.#used].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  refer(schema: unknown): unknown {
    const name = this.#names.get(schema);
    if (name === undefined) return this.#copy(schema);
    if (!this.#used.has(name)) {
      // Before its content, which may refer to it.
      this.#used.set(name, null);
      this.#used.set(name, this.#copy(schema));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #copy(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.refer(item));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, item]) => [key, this.refer(item)] as const);
    const { format, ...others } = Object.fromEntries(entries);
    const pattern = typeof format === 'string' ? formatPatterns[format] : undefined;
    // Nobody else knows these formats by their names.
    return { ...others, ...(pattern ? { pattern } : {}), ...(format && !pattern ? { format } : {}) };
  }
}

/** `ErrorBody` is the body of an error. */
function componentName(name: string): string {
  return name.replace(/Body$/, '');
}

function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '~kind' in value;
}
