import { readFileSync } from 'node:fs';
import { ApiError } from '@wadi/api';
import { Agent, request } from 'undici';

export interface KeystoneOptions {
  /** Ends in `/v3`. */
  readonly url: string;
  /** Who asks: a user that may validate tokens. */
  readonly credential: KeystoneCredential;
  /** PEM file of authorities to trust in place of the system's. */
  readonly caFile: string | null;
}

export interface KeystoneCredential {
  readonly username: string;
  readonly password: string;
  readonly project: string;
  readonly user_domain: string;
  readonly project_domain: string;
}

/** What Keystone says of a token that is scoped to a project. */
export interface KeystoneToken {
  readonly expires_at: string;
  readonly audit_ids?: readonly string[];
  readonly user: { readonly id: string; readonly name: string };
  readonly project?: { readonly id: string; readonly name: string };
  readonly roles?: readonly { readonly name: string }[];
}

/** Milliseconds for one question, connecting included. */
const deadline = 10_000;
/** Milliseconds before its end at which our own token counts as expired. */
const early = 60_000;
const mostBytes = 1024 * 1024;

/** Asks Keystone's v3 API about tokens, with a token of its own that it renews. */
export class KeystoneClient {
  readonly #options: KeystoneOptions;
  readonly #agent: Agent;
  #own: { readonly token: string; readonly until: number } | null = null;
  #loggingIn: Promise<string> | null = null;

  constructor(options: KeystoneOptions) {
    this.#options = options;
    const ca = options.caFile === null ? {} : { ca: readFileSync(options.caFile, 'utf8') };
    this.#agent = new Agent({ connections: 16, connect: { timeout: deadline, ...ca } });
  }

  /** Null: it is not valid, or not any more. */
  async validate(token: string): Promise<KeystoneToken | null> {
    for (let attempt = 1; ; attempt += 1) {
      const own = await this.#ownToken();
      const answer = await this.#ask('GET', '/auth/tokens?nocatalog', {
        'X-Auth-Token': own,
        'X-Subject-Token': token,
      });
      if (answer.status === 200) return (answer.body as { token: KeystoneToken }).token;
      if (answer.status === 404) return null;
      // Ours was revoked, or Keystone's keys were changed.
      if (answer.status === 401 && attempt === 1) this.#own = null;
      else throw unavailable(`it answered ${answer.status} when it was asked about a token`);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #ownToken(): Promise<string> {
    if (this.#own && this.#own.until > Date.now()) return this.#own.token;
    this.#loggingIn ??= this.#logIn().finally(() => {
      this.#loggingIn = null;
    });
    return await this.#loggingIn;
  }

  async #logIn(): Promise<string> {
    const { username, password, project, user_domain, project_domain } = this.#options.credential;
    const user = { name: username, password, domain: { name: user_domain } };
    const auth = {
      identity: { methods: ['password'], password: { user } },
      scope: { project: { name: project, domain: { name: project_domain } } },
    };
    const answer = await this.#ask('POST', '/auth/tokens?nocatalog', {}, { auth });
    const token = answer.headers['x-subject-token'];
    if (answer.status !== 201 || typeof token !== 'string')
      throw unavailable(`it answered ${answer.status} to the login of the service user`);
    const { expires_at } = (answer.body as { token: KeystoneToken }).token;
    this.#own = { token, until: Date.parse(expires_at) - early };
    return token;
  }

  async #ask(method: 'GET' | 'POST', path: string, headers: Record<string, string>, body?: object) {
    try {
      const answer = await request(`${this.#options.url}${path}`, {
        dispatcher: this.#agent,
        method,
        headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...headers },
        body: body ? JSON.stringify(body) : null,
        signal: AbortSignal.timeout(deadline),
      });
      let text = '';
      for await (const chunk of answer.body.setEncoding('utf8')) {
        text += chunk;
        if (text.length > mostBytes) throw new Error('its answer is too long');
      }
      const json = answer.statusCode < 300 ? (JSON.parse(text) as unknown) : null;
      return { status: answer.statusCode, headers: answer.headers, body: json };
    } catch (cause) {
      throw unavailable(reasonOf(cause), cause);
    }
  }
}

function unavailable(why: string, cause?: unknown): ApiError {
  return new ApiError(503, 'KEYSTONE_UNAVAILABLE', `Keystone cannot be asked: ${why}`, {
    retryable: true,
    hint: 'try again; if it stays, an administrator has to look at --keystone-url and the credential',
    cause,
  });
}

/** Never the request: it holds tokens. */
function reasonOf(cause: unknown): string {
  const { code, name } = cause as { code?: string; name?: string };
  if (name === 'TimeoutError') return `no answer within ${deadline / 1000} s`;
  return code ?? 'its answer could not be read';
}
