import { Type } from 'typebox';
import { OpenStackError } from '../errors.ts';
import { invalidArgument } from '../service/invalid-argument.ts';
import type { Microversion } from '../service/microversion.ts';
import type { DeleteOptions, Service } from '../service/service.ts';
import { checkTagInPath, checkTags, hasTags, tagsQuery } from '../service/tags.ts';
import type { CallOptions } from '../wire/call.ts';
import { type NewServer, Server, type ServerFilter } from './server.ts';

const ServerAnswer = Type.Object({ server: Server });
const CreatedAnswer = Type.Object({ server: Type.Object({ id: Type.String() }) });
const ConsoleAnswer = Type.Object({ output: Type.String() });

/** Before 2.47, from where on a server does not tell its flavor's id. */
const reading = { needed: '2.26', use: 'the tags of servers' } as const;
/** Characters, encoded; Nova's limit. */
const longestUserData = 65_535;

export class Servers {
  readonly #compute: Service;

  constructor(compute: Service) {
    this.#compute = compute;
  }

  /**
   * Asks for a server and returns its id; it is BUILD then. Not repeated once it was sent: after an error with `maybeDone` look
   * by tag or name, which a server has from its first moment. Until it is scheduled, Nova says NOT_FOUND of an action on it.
   */
  async create(server: NewServer, options: CallOptions = {}): Promise<string> {
    const { hints, user_data, tags, ...rest } = server;
    if (tags) checkTags(tags);
    const encoded = user_data === undefined ? undefined : encodeUserData(user_data);
    const body = {
      server: { ...rest, tags, user_data: encoded },
      ...(hints ? { 'os:scheduler_hints': hints } : {}),
    };
    const answer = await this.#compute.ask(CreatedAnswer, {
      ...options,
      method: 'POST',
      path: ['servers'],
      body,
      secrets: [user_data ?? '', encoded ?? ''],
      microversion: creating(server),
    });
    return answer.server.id;
  }

  /** Null: there is none. */
  async get(id: string, options: CallOptions = {}): Promise<Server | null> {
    const path = ['servers', id];
    const request = { ...options, method: 'GET', path, microversion: reading } as const;
    return (await this.#compute.find(ServerAnswer, request))?.server ?? null;
  }

  async list(filter: ServerFilter = {}, options: CallOptions = {}): Promise<Server[]> {
    const { name, tags, status, metadata = {} } = filter;
    const servers = await this.#compute.list('servers', Server, {
      ...options,
      path: ['servers', 'detail'],
      // Nova takes a name for a regular expression, of whatever kind its database has.
      query: { tags: tagsQuery(tags), status, name: name && /^[\w-]+$/.test(name) ? `^${name}$` : undefined },
      microversion: reading,
    });
    // Nova has no filter for metadata, and passes over filters that it does not know.
    return servers.filter(
      (server) =>
        (name === undefined || server.name === name) &&
        hasTags(server, tags) &&
        Object.entries(metadata).every(([key, value]) => server.metadata[key] === value),
    );
  }

  /** Accepted, not done: the server is there for some seconds more. */
  async delete(id: string, options?: DeleteOptions): Promise<void> {
    await this.#compute.remove(['servers', id], options);
  }

  /** Of one that is off; else it is a CONFLICT. */
  async start(id: string, options?: CallOptions): Promise<void> {
    await this.#act(id, { 'os-start': null }, options);
  }

  async stop(id: string, options?: CallOptions): Promise<void> {
    await this.#act(id, { 'os-stop': null }, options);
  }

  async reboot(id: string, type: 'SOFT' | 'HARD', options?: CallOptions): Promise<void> {
    await this.#act(id, { reboot: { type } }, options);
  }

  /**
   * What the machine wrote on its console, or the last `lines` of it. Empty while it has none: before it runs (Nova says 409),
   * and when it is off (404, with libvirt).
   */
  async consoleLog(id: string, options: CallOptions & { readonly lines?: number } = {}): Promise<string> {
    const { lines, ...rest } = options;
    const body = { 'os-getConsoleOutput': lines === undefined ? {} : { length: lines } };
    const path = ['servers', id, 'action'];
    const request = { ...rest, method: 'POST', path, body, repeat: 'always' } as const;
    try {
      return (await this.#compute.ask(ConsoleAnswer, request)).output;
    } catch (error) {
      const code = error instanceof OpenStackError ? error.code : null;
      if (code === 'CONFLICT' || (code === 'NOT_FOUND' && (await this.get(id, rest)) !== null)) return '';
      throw error;
    }
  }

  /** Does nothing new where it has it. A CONFLICT while it is BUILD. One with other than ASCII it can have from creation only. */
  async addTag(id: string, tag: string, options: CallOptions = {}): Promise<void> {
    checkTagInPath(tag, 'give it to the server at its creation');
    const path = ['servers', id, 'tags', tag];
    await this.#compute.tell({ ...options, method: 'PUT', path, microversion: reading });
  }

  async #act(id: string, body: object, options: CallOptions = {}): Promise<void> {
    await this.#compute.tell({ ...options, method: 'POST', path: ['servers', id, 'action'], body });
  }
}

function creating({ block_device_mapping_v2 = [] }: NewServer): { needed: Microversion; use: string } {
  return block_device_mapping_v2.some(({ volume_type }) => volume_type !== undefined)
    ? { needed: '2.67', use: 'a volume type for a new server' }
    : { needed: '2.52', use: 'tags for a new server' };
}

function encodeUserData(text: string): string {
  const encoded = Buffer.from(text).toString('base64');
  if (encoded.length > longestUserData)
    throw invalidArgument(
      `the user data has ${Buffer.byteLength(text)} bytes`,
      'Nova takes up to 49,149: fetch the rest from the machine',
    );
  return encoded;
}
