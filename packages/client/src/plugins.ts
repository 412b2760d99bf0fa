import type { Plugin, PluginVersion } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/plugins`: what a cluster can run. */
export class Plugins {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<Plugin[]> {
    return (await this.#transport.json<{ plugins: Plugin[] }>('GET', '/v2/plugins', options)).plugins;
  }

  async get(name: string, options: CallOptions = {}): Promise<Plugin> {
    const path = `/v2/plugins/${encodeURIComponent(name)}`;
    return (await this.#transport.json<{ plugin: Plugin }>('GET', path, options)).plugin;
  }

  /** With the node processes and settings that this version offers. */
  async getVersion(name: string, version: string, options: CallOptions = {}): Promise<PluginVersion> {
    const path = `/v2/plugins/${encodeURIComponent(name)}/${encodeURIComponent(version)}`;
    return (await this.#transport.json<{ plugin: PluginVersion }>('GET', path, options)).plugin;
  }
}
