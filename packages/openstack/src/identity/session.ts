import { checkAnswer } from '../check-answer.ts';
import type { CloudConfig, Credential } from '../config/cloud-config.ts';
import { OpenStackError } from '../errors.ts';
import { type Call, type CallLimits, type CallOptions, defaultLimits, type Tokens } from '../wire/call.ts';
import { invalidAnswer } from '../wire/call-error.ts';
import { cancellable, type Patience } from '../wire/cancellable.ts';
import type { HttpClient } from '../wire/http-client.ts';
import { type Performed, perform } from '../wire/perform.ts';
import { findEndpoint, hasService, type ServiceType } from './catalog.ts';
import { loginBody, secretsOf } from './login-body.ts';
import { type Grant, grantOf, type Identity, TokenAnswer } from './token.ts';

export interface SessionOptions {
  readonly cloud: CloudConfig;
  readonly http: HttpClient;
  readonly limits?: Partial<CallLimits> | undefined;
}

/** Milliseconds for which a refusal stands: many logins in a row lock a user out. */
const refusalStands = 5000;

/**
 * A login that is renewed: shortly before it ends, and when a service refuses it. Any number of calls that need one at the
 * same time share one login.
 */
export class Session implements Tokens {
  readonly cloud: CloudConfig;
  readonly #http: HttpClient;
  readonly #limits: Partial<CallLimits> | undefined;
  readonly #ended = new AbortController();
  #grant: Grant | null = null;
  #login: Promise<Grant> | null = null;
  #refusal: { readonly error: OpenStackError; readonly until: number } | null = null;

  constructor({ cloud, http, limits }: SessionOptions) {
    this.cloud = cloud;
    this.#http = http;
    this.#limits = limits;
  }

  async current(): Promise<string> {
    return (await this.#current()).token;
  }

  async renew(refused: string): Promise<string> {
    if (this.#grant?.token === refused) this.#grant = null;
    return await this.current();
  }

  async identity(options: CallOptions): Promise<Identity> {
    const { user, project, roles } = await this.#granted('identity', options);
    return { user, project, roles };
  }

  /** Its catalog address. */
  async endpoint(service: ServiceType, options: CallOptions): Promise<URL> {
    // Keystone was reached already, and it is the one that the token is of.
    if (service === 'identity') return new URL(this.cloud.authUrl);
    return findEndpoint((await this.#granted(service, options)).catalog, service, this.cloud);
  }

  async has(service: ServiceType, options: CallOptions): Promise<boolean> {
    return hasService((await this.#granted(service, options)).catalog, service, this.cloud);
  }

  patience({ signal, limits }: CallOptions): Patience {
    return { signal, deadline: limits?.deadline ?? this.#limits?.deadline ?? defaultLimits.deadline };
  }

  /** Throws OpenStackError. */
  async perform(call: Call): Promise<Performed> {
    return await perform(call, { http: this.#http, tokens: this, limits: this.#limits });
  }

  /** Ends a login that is under way. */
  close(): void {
    this.#ended.abort();
    this.#grant = null;
  }

  async #granted(service: ServiceType, options: CallOptions): Promise<Grant> {
    return await cancellable(this.#current(), this.patience(options), service);
  }

  async #current(): Promise<Grant> {
    if (this.#ended.signal.aborted) throw closed();
    if (this.#grant && performance.now() < this.#grant.renewAt) return this.#grant;
    if (this.#refusal && performance.now() < this.#refusal.until) throw this.#refusal.error;
    this.#login ??= this.#logIn().finally(() => {
      this.#login = null;
    });
    return await this.#login;
  }

  async #logIn(): Promise<Grant> {
    const { authUrl, credential } = this.cloud;
    const call: Call = {
      service: 'identity',
      url: new URL(`${authUrl}/auth/tokens`),
      ...questionOf(credential),
      secrets: secretsOf(credential),
      // A second token does no harm.
      repeat: 'always',
      signal: this.#ended.signal,
    };
    const asked = performance.now();
    try {
      const { answer } = await perform(call, { http: this.#http, tokens: null, limits: this.#limits });
      const token = answer.header('x-subject-token');
      if (!token || !/^[\x21-\x7e]+$/.test(token))
        throw invalidAnswer(call, answer, 'has no X-Subject-Token');
      this.#refusal = null;
      this.#grant = grantOf(checkAnswer(TokenAnswer, call, answer), token, asked);
      return this.#grant;
    } catch (error) {
      if (this.#ended.signal.aborted) throw closed();
      if (error instanceof OpenStackError && error.code === 'AUTHENTICATION_FAILED')
        this.#refusal = { error, until: performance.now() + refusalStands };
      throw error;
    }
  }
}

/** A token that is used as it is may ask about itself; for all else a new one is made. */
function questionOf(credential: Credential): Pick<Call, 'method' | 'headers' | 'body'> {
  if (credential.kind !== 'issued') return { method: 'POST', body: loginBody(credential) };
  const token = credential.token.reveal();
  return { method: 'GET', headers: { 'x-auth-token': token, 'x-subject-token': token } };
}

function closed(): OpenStackError {
  return new OpenStackError('identity: this client was closed', { code: 'CLOSED', service: 'identity' });
}
