import type { MasterKeyList, MasterKeyRotation } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/keys`: the keys that encrypt what is stored, never their content. For admins of the project `default`. */
export class Keys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<MasterKeyList> {
    return await this.#transport.json<MasterKeyList>('GET', '/v2/keys', options);
  }

  /** Returns when the next key is in use; the secrets are encrypted anew after that. */
  async rotate(body: MasterKeyRotation, options: CallOptions = {}): Promise<MasterKeyList> {
    // Every controller reads its keys before there is an answer.
    const call = { timeout: 90_000, ...options, body };
    return await this.#transport.json<MasterKeyList>('POST', '/v2/keys/rotate', call);
  }
}
