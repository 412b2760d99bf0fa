import type { ProxyHealth, ProxyList } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/clusters/{id}/proxies`: the machines that lead to the others. */
export class Proxies {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** How each is, as the controller knows it from what went through it. */
  async list(cluster: string, options: CallOptions = {}): Promise<ProxyHealth[]> {
    const path = `/v2/clusters/${encodeURIComponent(cluster)}/proxies`;
    return (await this.#transport.json<ProxyList>('GET', path, options)).proxies;
  }
}
