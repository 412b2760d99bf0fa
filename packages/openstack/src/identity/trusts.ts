import { type Static, Type } from 'typebox';
import type { DeleteOptions, Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';

const NullableText = Type.Union([Type.String(), Type.Null()]);

export const Trust = Type.Object({
  id: Type.String(),
  trustor_user_id: Type.String(),
  trustee_user_id: Type.String(),
  project_id: NullableText,
  impersonation: Type.Boolean(),
  expires_at: Type.Optional(NullableText),
});
export type Trust = Static<typeof Trust>;

export interface NewTrust {
  /** Who is asking: nobody can give away what another may do. */
  readonly trustor_user_id: string;
  readonly trustee_user_id: string;
  readonly project_id: string;
  /** What is done by it is done in the trustor's name. */
  readonly impersonation: boolean;
  readonly roles: readonly ({ readonly id: string } | { readonly name: string })[];
  readonly expires_at?: Date;
}

const TrustAnswer = Type.Object({ trust: Trust });
const trusts = ['OS-TRUST', 'trusts'];

/** Lets another user act in a project later. `OpenStack.byTrust` uses one. */
export class Trusts {
  readonly #keystone: Service;

  constructor(keystone: Service) {
    this.#keystone = keystone;
  }

  async create(trust: NewTrust, options: CallOptions = {}): Promise<Trust> {
    const body = { trust: { ...trust, expires_at: trust.expires_at?.toISOString() } };
    const request = { ...options, method: 'POST', path: trusts, body } as const;
    return (await this.#keystone.ask(TrustAnswer, request)).trust;
  }

  /** Null: there is none. */
  async get(id: string, options: CallOptions = {}): Promise<Trust | null> {
    const request = { ...options, method: 'GET', path: [...trusts, id] } as const;
    return (await this.#keystone.find(TrustAnswer, request))?.trust ?? null;
  }

  /** Who is asking has to be the one that is named. */
  async list(
    filter: { readonly trustor_user_id: string } | { readonly trustee_user_id: string },
    options: CallOptions = {},
  ): Promise<Trust[]> {
    return await this.#keystone.list('trusts', Trust, { ...options, path: trusts, query: filter });
  }

  /** Tokens that were got by it may be accepted for some minutes more, where services cache them. */
  async delete(id: string, options?: DeleteOptions): Promise<void> {
    await this.#keystone.remove([...trusts, id], options);
  }
}
