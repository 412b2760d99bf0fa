import { type Static, type TObject, Type } from 'typebox';
import type { DeleteOptions, Service } from '../service/service.ts';
import { checkTagInPath, checkTags, hasTags, tagsQuery } from '../service/tags.ts';
import type { CallOptions } from '../wire/call.ts';

/** How Neutron names a kind of resource. */
export interface ResourceNames {
  /** In the path: `security-groups`. */
  readonly path: string;
  /** In bodies: `security_group`. */
  readonly one: string;
  /** `security_groups`. */
  readonly many: string;
}

export interface TagFilter {
  /** All of them. */
  readonly tags?: readonly string[];
}

type Value = string | number | boolean | null;

/** Reads and changes one kind of resource. Fields have Neutron's own names. */
export class Resource<Schema extends TObject, New extends object, Filter extends object> {
  protected readonly network: Service;
  readonly #names: ResourceNames;
  readonly #item: Schema;
  readonly #answer: TObject;

  constructor(network: Service, names: ResourceNames, item: Schema) {
    this.network = network;
    this.#names = names;
    this.#item = item;
    this.#answer = Type.Object({ [names.one]: item });
  }

  /**
   * Not repeated once it was sent: after an error with `maybeDone` look by name or description. Neutron sets no tags at creation,
   * so what has to be found again needs a telling name or description too.
   */
  async create(resource: New, options: CallOptions = {}): Promise<Static<Schema>> {
    const { path, one } = this.#names;
    const request = { ...options, method: 'POST', path: [path], body: { [one]: resource } } as const;
    return this.#unwrap(await this.network.ask(this.#answer, request));
  }

  /** Null: there is none. */
  async get(id: string, options: CallOptions = {}): Promise<Static<Schema> | null> {
    const request = { ...options, method: 'GET', path: [this.#names.path, id] } as const;
    const answer = await this.network.find(this.#answer, request);
    return answer === null ? null : this.#unwrap(answer);
  }

  async list(
    filter: Filter & TagFilter = {} as Filter,
    options: CallOptions = {},
  ): Promise<Static<Schema>[]> {
    const { tags, ...fields } = filter;
    const { path, many } = this.#names;
    const query = { ...fields, tags: tagsQuery(tags), limit: 500 };
    const items = await this.network.list(many, this.#item, { ...options, path: [path], query });
    // A Neutron without filter validation passes over what it does not know, and answers with everything.
    return items.filter((item) => hasTags(item as TagFilter, tags) && matches(item, fields));
  }

  /** Setting the same again changes nothing, so it is repeated. */
  async update(id: string, changes: Partial<New>, options: CallOptions = {}): Promise<Static<Schema>> {
    const { path, one } = this.#names;
    const request = { ...options, method: 'PUT', path: [path, id], body: { [one]: changes } } as const;
    return this.#unwrap(await this.network.ask(this.#answer, request));
  }

  async delete(id: string, options?: DeleteOptions): Promise<void> {
    await this.network.remove([this.#names.path, id], options);
  }

  /** Does nothing new where it has it. In ASCII; others need `setTags`. */
  async addTag(id: string, tag: string, options: CallOptions = {}): Promise<void> {
    checkTagInPath(tag, 'set all tags at once');
    await this.network.tell({ ...options, method: 'PUT', path: [this.#names.path, id, 'tags', tag] });
  }

  /** These and no others. */
  async setTags(id: string, tags: readonly string[], options: CallOptions = {}): Promise<void> {
    const body = { tags: checkTags([...new Set(tags)]) };
    await this.network.tell({ ...options, method: 'PUT', path: [this.#names.path, id, 'tags'], body });
  }

  #unwrap(answer: Static<TObject>): Static<Schema> {
    return (answer as Record<string, Static<Schema>>)[this.#names.one] as Static<Schema>;
  }
}

function matches(item: object, fields: object): boolean {
  const has = item as Readonly<Record<string, unknown>>;
  return Object.entries(fields).every(([name, wanted]) => {
    const value = has[name];
    return value === undefined || !isValue(value) || !isValue(wanted) || String(value) === String(wanted);
  });
}

function isValue(value: unknown): value is Value {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
