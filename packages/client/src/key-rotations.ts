import type { KeyRotation, KeyRotationAnswer, KeyRotationList, KeyRotationRequest } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/clusters/{id}/key-rotations`: keys of a cluster are replaced by new ones while everything runs on. */
export class KeyRotations {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Those of a cluster, the newest first. */
  async list(cluster: string, options: CallOptions = {}): Promise<KeyRotation[]> {
    return (await this.#transport.json<KeyRotationList>('GET', pathOf(cluster), options)).key_rotations;
  }

  async get(cluster: string, id: string, options: CallOptions = {}): Promise<KeyRotation> {
    const path = `${pathOf(cluster)}/${encodeURIComponent(id)}`;
    return (await this.#transport.json<KeyRotationAnswer>('GET', path, options)).key_rotation;
  }

  /** Returns when it is begun. While one is unfinished that is the answer, and it goes on at once. */
  async begin(cluster: string, body: KeyRotationRequest, options: CallOptions = {}): Promise<KeyRotation> {
    const call = { ...options, body, repeatable: true };
    return (await this.#transport.json<KeyRotationAnswer>('POST', pathOf(cluster), call)).key_rotation;
  }
}

function pathOf(cluster: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/key-rotations`;
}
