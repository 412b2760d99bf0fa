import { type Static, Type } from 'typebox';
import type { DeleteOptions, Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';
import { Resource } from './resource.ts';

const Gateway = Type.Object({ network_id: Type.String() });

export const Router = Type.Object({
  id: Type.String(),
  name: Type.String(),
  status: Type.String(),
  project_id: Type.String(),
  external_gateway_info: Type.Optional(Type.Union([Gateway, Type.Null()])),
  tags: Type.Array(Type.String()),
});
export type Router = Static<typeof Router>;

export interface NewRouter {
  readonly name: string;
  readonly description?: string;
  readonly external_gateway_info?: { readonly network_id: string } | null;
}

export interface RouterFilter {
  readonly name?: string;
  readonly description?: string;
}

const InterfaceAnswer = Type.Object({ port_id: Type.String(), subnet_id: Type.String() });

export class Routers extends Resource<typeof Router, NewRouter, RouterFilter> {
  constructor(network: Service) {
    super(network, { path: 'routers', one: 'router', many: 'routers' }, Router);
  }

  /**
   * Returns the id of the port that it gets. A PUT, but a second one is refused, so it is not repeated: look at the ports with
   * the router as their `device_id`.
   */
  async addInterface(id: string, subnetId: string, options: CallOptions = {}): Promise<string> {
    const path = ['routers', id, 'add_router_interface'];
    const body = { subnet_id: subnetId };
    const request = { ...options, method: 'PUT', path, body, repeat: 'if-unsent' } as const;
    return (await this.network.ask(InterfaceAnswer, request)).port_id;
  }

  async removeInterface(id: string, subnetId: string, options: DeleteOptions = {}): Promise<void> {
    const { missingOk = false, ...rest } = options;
    await this.network.tell({
      ...rest,
      method: 'PUT',
      path: ['routers', id, 'remove_router_interface'],
      body: { subnet_id: subnetId },
      repeat: missingOk ? 'always' : 'if-unsent',
      accept: missingOk ? [404] : [],
    });
  }
}
