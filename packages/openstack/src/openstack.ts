import type { CloudConfig, Credential } from './config/cloud-config.ts';
import { Session } from './identity/session.ts';
import type { Identity } from './identity/token.ts';
import { type CallOptions, Service } from './service/service.ts';
import type { CallLimits } from './wire/call.ts';
import { HttpClient } from './wire/http-client.ts';

export interface OpenStackOptions {
  /** Of every call, where it does not say otherwise. */
  readonly limits?: Partial<CallLimits>;
  /** Milliseconds for TCP and TLS together; default 10,000. */
  readonly connectDeadline?: number;
}

/**
 * One cloud, as one user in one project.
 *
 * ```ts
 * const openstack = new OpenStack(loadCloud({ cloud: 'lab' }));
 * const servers = await openstack.servers.list({ tags: ['wadi'] });
 * await openstack.close();
 * ```
 */
export class OpenStack {
  readonly compute: Service;
  readonly network: Service;
  readonly image: Service;
  readonly blockStorage: Service;
  readonly keystone: Service;
  readonly #session: Session;
  readonly #http: HttpClient;
  readonly #options: OpenStackOptions;
  readonly #derived: boolean;

  constructor(cloud: CloudConfig, options: OpenStackOptions = {}, http?: HttpClient) {
    this.#options = options;
    this.#derived = http !== undefined;
    this.#http = http ?? new HttpClient({ ca: cloud.ca, connectDeadline: options.connectDeadline ?? 10_000 });
    this.#session = new Session({ cloud, http: this.#http, limits: options.limits });
    this.compute = new Service(this.#session, 'compute');
    this.network = new Service(this.#session, 'network');
    this.image = new Service(this.#session, 'image');
    this.blockStorage = new Service(this.#session, 'block-storage');
    this.keystone = new Service(this.#session, 'identity');
  }

  /** Who this is, and for which project. Logs in if need be. */
  async identity(options: CallOptions = {}): Promise<Identity> {
    return await this.#session.identity(options.signal);
  }

  /** The same cloud as somebody else, over the same connections; to be closed before this one. */
  actingAs(credential: Credential): OpenStack {
    return new OpenStack({ ...this.#session.cloud, credential }, this.#options, this.#http);
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#session.close();
    if (!this.#derived) await this.#http.close();
  }
}
