import type { Readable } from 'node:stream';
import { type Static, Type } from 'typebox';
import type { DeleteOptions, Service } from '../service/service.ts';
import { hasTags } from '../service/tags.ts';
import type { CallOptions } from '../wire/call.ts';

const NullableText = Type.Union([Type.String(), Type.Null()]);
const NullableInteger = Type.Union([Type.Integer(), Type.Null()]);

/** Properties that somebody gave it are beside these. */
export const Image = Type.Object({
  id: Type.String(),
  name: Type.Optional(NullableText),
  /** `queued`, `saving`, `active`, … */
  status: Type.String(),
  visibility: Type.String(),
  owner: Type.Optional(NullableText),
  tags: Type.Array(Type.String()),
  /** Bytes; null until it is uploaded. */
  size: Type.Optional(NullableInteger),
  /** GiB. */
  min_disk: Type.Integer(),
  /** MiB. */
  min_ram: Type.Integer(),
  disk_format: Type.Optional(NullableText),
  container_format: Type.Optional(NullableText),
  protected: Type.Boolean(),
  created_at: Type.String(),
  updated_at: Type.String(),
});
export type Image = Static<typeof Image> & Readonly<Record<string, unknown>>;

export interface NewImage {
  /** A UUID of one's own: then a second creation is a CONFLICT, not a second image; also after the first was deleted. */
  readonly id?: string;
  readonly name: string;
  readonly disk_format: string;
  readonly container_format: string;
  readonly visibility?: 'private' | 'shared' | 'community' | 'public';
  readonly tags?: readonly string[];
  readonly min_disk?: number;
  readonly min_ram?: number;
  readonly properties?: Readonly<Record<string, string>>;
}

export interface ImageFilter {
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly status?: string;
  readonly visibility?: string;
}

/** Milliseconds. */
const uploadDeadline = 3_600_000;

export class Images {
  readonly #image: Service;

  constructor(image: Service) {
    this.#image = image;
  }

  /** Null: there is none, or the project may not see it. */
  async get(id: string, options: CallOptions = {}): Promise<Image | null> {
    return await this.#image.find(Image, { ...options, method: 'GET', path: ['images', id] });
  }

  async list(filter: ImageFilter = {}, options: CallOptions = {}): Promise<Image[]> {
    const { name, tags, status, visibility } = filter;
    // Glance reads a comma or a colon in a name as more than one, or as an operator.
    const plain = name !== undefined && !/[,:"]/.test(name) ? name : undefined;
    const query = { name: plain, tag: tags, status, visibility, limit: 500 };
    const images = await this.#image.list('images', Image, { ...options, path: ['images'], query });
    return images.filter((image) => (name === undefined || image.name === name) && hasTags(image, tags));
  }

  /** It has no content then. */
  async create(image: NewImage, options: CallOptions = {}): Promise<Image> {
    const { properties, ...rest } = image;
    const body = { ...properties, ...rest };
    return await this.#image.ask(Image, { ...options, method: 'POST', path: ['images'], body });
  }

  /**
   * `open` is called for each attempt; what it gives is sent to its end. Within an hour, unless `limits` say otherwise. Not
   * repeated once it has begun.
   */
  async upload(id: string, open: () => Readable, options: CallOptions = {}): Promise<void> {
    const limits = { attemptDeadline: uploadDeadline, deadline: uploadDeadline, ...options.limits };
    await this.#image.tell({
      ...options,
      limits,
      method: 'PUT',
      path: ['images', id, 'file'],
      headers: { 'content-type': 'application/octet-stream' },
      body: open,
      repeat: 'if-unsent',
    });
  }

  async delete(id: string, options?: DeleteOptions): Promise<void> {
    await this.#image.remove(['images', id], options);
  }
}
