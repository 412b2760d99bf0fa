import type { NamedInDomain } from './cloud-config.ts';
import { invalid, type Place } from './config-problem.ts';
import { isMapping, type Mapping } from './read-yaml.ts';

/** Reads the keys of one cloud; nested ones as `auth.password`. What is absent, null or empty is null. */
export class Fields {
  readonly place: Place;
  readonly #content: Mapping;

  constructor(place: Place, content: Mapping) {
    this.place = place;
    this.#content = content;
  }

  get keys(): readonly string[] {
    return Object.keys(this.#content);
  }

  value(name: string): unknown {
    let value: unknown = this.#content;
    for (const part of name.split('.'))
      value = isMapping(value) && Object.hasOwn(value, part) ? value[part] : null;
    return value === '' ? null : (value ?? null);
  }

  text(name: string): string | null {
    const value = this.value(name);
    if (value === null) return null;
    if (typeof value === 'string') {
      // Neither a header nor a URL can hold them; most often a key was pasted with its line end.
      if (/[\p{Cc}]/u.test(value))
        throw this.invalid(name, 'holds a line break or control character', 'remove it');
      return value;
    }
    const hint = typeof value === 'object' ? 'write one text' : 'put it in quotes';
    throw this.invalid(name, 'is not text', hint);
  }

  needed(name: string, why: string): string {
    const value = this.text(name);
    if (value === null) throw this.invalid(name, 'is missing', why);
    return value;
  }

  /** `{prefix}_id`, or `{prefix}_name` with its domain. Null: neither. */
  named(prefix: string, names: { id: string; name: string; domain: string }): NamedInDomain | null {
    const id = this.text(names.id);
    if (id !== null) return { id };
    const name = this.text(names.name);
    return name === null ? null : { name, domain: this.#domain(prefix, names.domain) };
  }

  #domain(of: string, prefix: string): { readonly id: string } | { readonly name: string } {
    const id = this.text(`${prefix}_id`) ?? null;
    if (id !== null) return { id };
    const name = this.text(`${prefix}_name`) ?? this.text('auth.domain_name');
    if (name !== null) return { name };
    const fallback = this.text('auth.default_domain') ?? this.text('auth.domain_id');
    if (fallback !== null) return { id: fallback };
    throw this.invalid(
      `${prefix}_name`,
      'is missing',
      `say in which domain the ${of} is; most clouds have only one, \`Default\``,
    );
  }

  invalid(name: string, problem: string, hint: string): Error {
    return invalid(this.place, name, problem, hint);
  }
}
