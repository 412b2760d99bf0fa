import { type Static, Type } from 'typebox';
import type { DeleteOptions, Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';

export const Keypair = Type.Object({
  name: Type.String(),
  public_key: Type.String(),
  fingerprint: Type.String(),
});
export type Keypair = Static<typeof Keypair>;

const KeypairAnswer = Type.Object({ keypair: Keypair });
const microversion = { needed: '2.35', use: 'key pairs in pages' } as const;

/** Key pairs belong to the user, not to the project. */
export class Keypairs {
  readonly #compute: Service;

  constructor(compute: Service) {
    this.#compute = compute;
  }

  /** One that has the name already is a CONFLICT. */
  async import(name: string, publicKey: string, options: CallOptions = {}): Promise<Keypair> {
    const body = { keypair: { name, public_key: publicKey, type: 'ssh' } };
    const request = { ...options, method: 'POST', path: ['os-keypairs'], body, microversion } as const;
    return (await this.#compute.ask(KeypairAnswer, request)).keypair;
  }

  /** Null: there is none. */
  async get(name: string, options: CallOptions = {}): Promise<Keypair | null> {
    const request = { ...options, method: 'GET', path: ['os-keypairs', name], microversion } as const;
    return (await this.#compute.find(KeypairAnswer, request))?.keypair ?? null;
  }

  async list(options: CallOptions = {}): Promise<Keypair[]> {
    const request = { ...options, path: ['os-keypairs'], microversion };
    const items = await this.#compute.list('keypairs', KeypairAnswer, request);
    return items.map(({ keypair }) => keypair);
  }

  async delete(name: string, options: DeleteOptions = {}): Promise<void> {
    await this.#compute.remove(['os-keypairs', name], { ...options, microversion });
  }
}
