import { type Static, type TSchema, Type } from 'typebox';
import { checkAnswer } from '../check-answer.ts';
import type { ServiceType } from '../identity/catalog.ts';
import type { Session } from '../identity/session.ts';
import type { Call, CallOptions } from '../wire/call.ts';
import { invalidAnswer } from '../wire/call-error.ts';
import { cancellable } from '../wire/cancellable.ts';
import type { Headers, Method } from '../wire/http-client.ts';
import type { Performed } from '../wire/perform.ts';
import { baseUrl, type Query, urlOf, versionUrl } from './base-url.ts';
import {
  checkMicroversion,
  type Microversion,
  microversionHeader,
  type VersionRange,
} from './microversion.ts';
import { nextPage } from './next-page.ts';

export interface DeleteOptions extends CallOptions {
  /** What is not there any more counts as deleted. */
  readonly missingOk?: boolean;
}

export interface ServiceRequest extends CallOptions, Pick<Call, 'body' | 'secrets' | 'repeat' | 'accept'> {
  readonly method: Method;
  /** Segments below the API's version. */
  readonly path: readonly string[];
  readonly query?: Query | undefined;
  readonly headers?: Headers | undefined;
  /** That the request needs, and what for: `server tags`. */
  readonly microversion?: { readonly needed: Microversion; readonly use: string } | undefined;
}

const VersionDocument = Type.Object({
  version: Type.Optional(Type.String()),
  min_version: Type.Optional(Type.String()),
});
const VersionAnswer = Type.Object({
  version: Type.Optional(VersionDocument),
  versions: Type.Optional(Type.Array(VersionDocument)),
});

/** Of a listing. */
const mostPages = 10_000;

/** One API of a cloud, for one session. What is typed stands upon it; what is not can be asked through it. */
export class Service {
  readonly type: ServiceType;
  readonly #session: Session;
  #range: Promise<VersionRange | null> | null = null;

  constructor(session: Session, type: ServiceType) {
    this.#session = session;
    this.type = type;
  }

  /** The answer as the schema has it. Throws OpenStackError. */
  async ask<Schema extends TSchema>(schema: Schema, request: ServiceRequest): Promise<Static<Schema>> {
    const call = await this.#call(request);
    return checkAnswer(schema, call, (await this.#perform(call)).answer);
  }

  /** For requests whose answer says nothing. */
  async tell(request: ServiceRequest): Promise<void> {
    await this.#perform(await this.#call(request));
  }

  /** Null: there is no such thing (404). */
  async find<Schema extends TSchema>(
    schema: Schema,
    request: ServiceRequest,
  ): Promise<Static<Schema> | null> {
    const call = await this.#call({ ...request, accept: [404] });
    const { answer } = await this.#perform(call);
    return answer.status === 404 ? null : checkAnswer(schema, call, answer);
  }

  async remove(
    path: readonly string[],
    options: DeleteOptions & Partial<ServiceRequest> = {},
  ): Promise<void> {
    const { missingOk = false, ...request } = options;
    await this.tell({ method: 'DELETE', ...request, path, accept: missingOk ? [404] : [] });
  }

  /** All pages of `{collection: […]}`. */
  async list<Schema extends TSchema>(
    collection: string,
    item: Schema,
    request: Omit<ServiceRequest, 'method'>,
  ): Promise<Static<Schema>[]> {
    const schema = Type.Object({ [collection]: Type.Array(item) });
    const items: Static<Schema>[] = [];
    const seen = new Set<string>();
    let call = await this.#call({ ...request, method: 'GET' });
    for (;;) {
      const { answer } = await this.#perform(call);
      const body = checkAnswer(schema, call, answer) as Record<string, Static<Schema>[]>;
      for (const one of body[collection] ?? []) items.push(one);
      seen.add(call.url.href);
      const url = nextPage(this.type, call.url, collection, body);
      if (url === null) return items;
      if (seen.has(url.href) || seen.size >= mostPages)
        throw invalidAnswer(call, answer, 'leads from page to page without end');
      call = { ...call, url, limits: request.limits };
    }
  }

  /** Which microversions it speaks; asked once. Null: none. */
  async microversions(options: CallOptions = {}): Promise<VersionRange | null> {
    this.#range ??= this.#readVersions(options).catch((error) => {
      this.#range = null;
      throw error;
    });
    return await cancellable(this.#range, this.#session.patience(options), this.type);
  }

  async #readVersions({ limits }: CallOptions): Promise<VersionRange | null> {
    // Without the signal of whoever asks first: others wait for it too.
    const call: Call = {
      service: this.type,
      method: 'GET',
      url: versionUrl(await this.#base({ limits })),
      accept: [300],
      limits,
    };
    const answer = checkAnswer(VersionAnswer, call, (await this.#perform(call)).answer);
    const { version, min_version } = answer.version ?? answer.versions?.[0] ?? {};
    return isMicroversion(version) && isMicroversion(min_version)
      ? { lowest: min_version, highest: version }
      : null;
  }

  async #call(request: ServiceRequest): Promise<Call> {
    const { path, query, microversion, headers, ...rest } = request;
    const began = performance.now();
    if (microversion) {
      const offered = await this.microversions(request);
      checkMicroversion(this.type, microversion.needed, offered, microversion.use);
    }
    const url = urlOf(await this.#base(request), path, query);
    // A login may have taken some of it.
    const deadline = this.#session.patience(request).deadline - (performance.now() - began);
    return {
      ...rest,
      service: this.type,
      url,
      headers: { ...headers, ...(microversion ? microversionHeader(this.type, microversion.needed) : {}) },
      limits: { ...request.limits, deadline },
    };
  }

  /** Each time from the session: after a new login the catalog counts that came with it. */
  async #base(options: CallOptions): Promise<URL> {
    const endpoint = await this.#session.endpoint(this.type, options);
    const { project } = await this.#session.identity(options);
    return baseUrl(this.type, endpoint, project?.id ?? null);
  }

  async #perform(call: Call): Promise<Performed> {
    return await this.#session.perform(call);
  }
}

function isMicroversion(text: string | undefined): text is Microversion {
  return text !== undefined && /^\d+\.\d+$/.test(text);
}
