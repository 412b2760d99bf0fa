import type { Adoption, AdoptionAnswer, AdoptionList, AdoptionRequest } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/adoptions`: clusters that Sahara made. For admins of the whole installation. */
export class Adoptions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<Adoption[]> {
    return (await this.#transport.json<AdoptionList>('GET', '/v2/adoptions', options)).adoptions;
  }

  async get(clusterId: string, options: CallOptions = {}): Promise<Adoption> {
    const path = `/v2/adoptions/${encodeURIComponent(clusterId)}`;
    return (await this.#transport.json<AdoptionAnswer>('GET', path, options)).adoption;
  }

  /** Begins it; one that failed begins again. Never repeated by itself. */
  async begin(request: AdoptionRequest, options: CallOptions = {}): Promise<AdoptionAnswer> {
    const call = { ...options, body: request };
    return await this.#transport.json<AdoptionAnswer>('POST', '/v2/adoptions', call);
  }
}
