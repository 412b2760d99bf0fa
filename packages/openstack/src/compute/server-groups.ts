import { type Static, Type } from 'typebox';
import type { DeleteOptions, Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';

export const ServerGroup = Type.Object({
  id: Type.String(),
  name: Type.String(),
  policies: Type.Array(Type.String()),
  /** Ids of servers. */
  members: Type.Array(Type.String()),
});
export type ServerGroup = Static<typeof ServerGroup>;

export type ServerGroupPolicy = 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';

const ServerGroupAnswer = Type.Object({ server_group: ServerGroup });
/** Before 2.64, from where on there is one policy with rules. */
const microversion = { needed: '2.15', use: 'soft policies of server groups' } as const;

export class ServerGroups {
  readonly #compute: Service;

  constructor(compute: Service) {
    this.#compute = compute;
  }

  /** Names need not be unique, and groups have no tags: look by name first. */
  async create(name: string, policy: ServerGroupPolicy, options: CallOptions = {}): Promise<ServerGroup> {
    const body = { server_group: { name, policies: [policy] } };
    const request = { ...options, method: 'POST', path: ['os-server-groups'], body, microversion } as const;
    return (await this.#compute.ask(ServerGroupAnswer, request)).server_group;
  }

  /** Null: there is none. */
  async get(id: string, options: CallOptions = {}): Promise<ServerGroup | null> {
    const request = { ...options, method: 'GET', path: ['os-server-groups', id], microversion } as const;
    return (await this.#compute.find(ServerGroupAnswer, request))?.server_group ?? null;
  }

  /** With this very name, or all. */
  async list(filter: { readonly name?: string } = {}, options: CallOptions = {}): Promise<ServerGroup[]> {
    const request = { ...options, path: ['os-server-groups'], microversion };
    const groups = await this.#compute.list('server_groups', ServerGroup, request);
    return groups.filter(({ name }) => filter.name === undefined || name === filter.name);
  }

  async delete(id: string, options: DeleteOptions = {}): Promise<void> {
    await this.#compute.remove(['os-server-groups', id], { ...options, microversion });
  }
}
