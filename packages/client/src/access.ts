import type { AccessSettings, ClusterAccess, ClusterAccessAnswer } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/clusters/{id}/access`: how a cluster's machines are reached. */
export class Access {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async get(cluster: string, options: CallOptions = {}): Promise<ClusterAccess> {
    return (await this.#transport.json<ClusterAccessAnswer>('GET', path(cluster), options)).access;
  }

  /** All of them: what is left out is as the controller has it. */
  async set(cluster: string, settings: AccessSettings, options: CallOptions = {}): Promise<ClusterAccess> {
    const call = { ...options, body: settings };
    return (await this.#transport.json<ClusterAccessAnswer>('PUT', path(cluster), call)).access;
  }
}

function path(cluster: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/access`;
}
