import { type Static, Type } from 'typebox';
import { Secret } from '../secret.ts';
import type { DeleteOptions, Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';

const NullableText = Type.Union([Type.String(), Type.Null()]);

export const ApplicationCredential = Type.Object({
  id: Type.String(),
  name: Type.String(),
  project_id: Type.String(),
  expires_at: Type.Optional(NullableText),
  unrestricted: Type.Optional(Type.Boolean()),
  roles: Type.Array(Type.Object({ name: Type.String() })),
});
export type ApplicationCredential = Static<typeof ApplicationCredential>;

export interface NewApplicationCredential {
  /** Unique for its user. */
  readonly name: string;
  readonly description?: string;
  /** Default: all that the user has in the project. */
  readonly roles?: readonly ({ readonly id: string } | { readonly name: string })[];
  readonly expires_at?: Date;
}

const CredentialAnswer = Type.Object({ application_credential: ApplicationCredential });
const CreatedAnswer = Type.Object({
  application_credential: Type.Intersect([ApplicationCredential, Type.Object({ secret: Type.String() })]),
});

/** Of a user, for the project that the token is of. They end with the user and with the user's roles. */
export class ApplicationCredentials {
  readonly #keystone: Service;

  constructor(keystone: Service) {
    this.#keystone = keystone;
  }

  /** Its secret is told this once. It may make no others, nor trusts. */
  async create(
    userId: string,
    credential: NewApplicationCredential,
    options: CallOptions = {},
  ): Promise<{ readonly credential: ApplicationCredential; readonly secret: Secret }> {
    const wanted = { ...credential, expires_at: credential.expires_at?.toISOString(), unrestricted: false };
    const body = { application_credential: wanted };
    const request = { ...options, method: 'POST', path: pathOf(userId), body } as const;
    const answer = await this.#keystone.ask(CreatedAnswer, request);
    const { secret, ...made } = answer.application_credential;
    return { credential: made, secret: new Secret(secret) };
  }

  /** Null: there is none. */
  async get(userId: string, id: string, options: CallOptions = {}): Promise<ApplicationCredential | null> {
    const request = { ...options, method: 'GET', path: [...pathOf(userId), id] } as const;
    return (await this.#keystone.find(CredentialAnswer, request))?.application_credential ?? null;
  }

  async list(
    userId: string,
    filter: { readonly name?: string } = {},
    options: CallOptions = {},
  ): Promise<ApplicationCredential[]> {
    const request = { ...options, path: pathOf(userId), query: filter };
    const credentials = await this.#keystone.list('application_credentials', ApplicationCredential, request);
    return credentials.filter(({ name }) => filter.name === undefined || name === filter.name);
  }

  async delete(userId: string, id: string, options?: DeleteOptions): Promise<void> {
    await this.#keystone.remove([...pathOf(userId), id], options);
  }
}

function pathOf(userId: string): string[] {
  return ['users', userId, 'application_credentials'];
}
