import type { Plugin, PluginAnswer, PluginList, PluginVersion, PluginVersionAnswer } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/plugins`: what a cluster can run. */
export class Plugins {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<Plugin[]> {
    return (await this.#transport.json<PluginList>('GET', '/v2/plugins', options)).plugins;
  }

  async get(name: string, options: CallOptions = {}): Promise<Plugin> {
    const path = `/v2/plugins/${encodeURIComponent(name)}`;
    return (await this.#transport.json<PluginAnswer>('GET', path, options)).plugin;
  }

  /** With the node processes and settings that this version offers. */
  async getVersion(name: string, version: string, options: CallOptions = {}): Promise<PluginVersion> {
    const path = `/v2/plugins/${encodeURIComponent(name)}/${encodeURIComponent(version)}`;
    return (await this.#transport.json<PluginVersionAnswer>('GET', path, options)).plugin;
  }
}
