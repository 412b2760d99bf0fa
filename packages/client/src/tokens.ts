import type { NewToken, Token, TokenAnswer, TokenList, TokenRequest } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/tokens`: who may talk to the controller. For admins. */
export class Tokens {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first, those that are revoked or expired as well. */
  async list(options: CallOptions = {}): Promise<Token[]> {
    return (await this.#transport.json<TokenList>('GET', '/v2/tokens', options)).tokens;
  }

  /** The answer's `secret` is the token itself, and is told this once. */
  async create(body: TokenRequest, options: CallOptions = {}): Promise<NewToken> {
    return await this.#transport.json<NewToken>('POST', '/v2/tokens', { ...options, body });
  }

  async revoke(id: string, options: CallOptions = {}): Promise<Token> {
    const path = `/v2/tokens/${encodeURIComponent(id)}/revoke`;
    const call = { ...options, repeatable: true };
    return (await this.#transport.json<TokenAnswer>('POST', path, call)).token;
  }
}
