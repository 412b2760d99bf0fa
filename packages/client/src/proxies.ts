import type { ProxyAnswer, ProxyDrain, ProxyHealth, ProxyList, ProxyPromotion } from '@wadi/api';
import type { Call, CallOptions, Transport } from './transport.ts';

/** Milliseconds: machines are logged in to. */
const promotionTimeout = 90_000;

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

  /**
   * Takes one out of use without losing anything; resolves when that is begun. Nothing is open to it any more when `list`
   * has no connections of it. Refused (409) when other machines would be left without a way, unless it is forced.
   */
  drain(
    cluster: string,
    proxy: string,
    how: ProxyDrain = {},
    options: CallOptions = {},
  ): Promise<ProxyHealth> {
    return this.#change(cluster, proxy, 'drain', { ...options, body: how });
  }

  /** Takes one that was drained or fenced into use again. */
  readmit(cluster: string, proxy: string, options: CallOptions = {}): Promise<ProxyHealth> {
    return this.#change(cluster, proxy, 'readmit', options);
  }

  /** Makes a machine a proxy. Refused (409) when the controller cannot log in to it, or to no other one through it. */
  promote(
    cluster: string,
    machine: string,
    how: ProxyPromotion = {},
    options: CallOptions = {},
  ): Promise<ProxyHealth> {
    return this.#change(cluster, machine, 'promote', { timeout: promotionTimeout, ...options, body: how });
  }

  /** Each may be done twice: the second time it changes nothing. */
  async #change(cluster: string, proxy: string, what: string, call: Call): Promise<ProxyHealth> {
    const path = `/v2/clusters/${encodeURIComponent(cluster)}/proxies/${encodeURIComponent(proxy)}/${what}`;
    return (await this.#transport.json<ProxyAnswer>('POST', path, { ...call, repeatable: true })).proxy;
  }
}
