import { Volumes } from './block-storage/volumes.ts';
import { Keypairs } from './compute/keypairs.ts';
import { ComputeOffers } from './compute/offers.ts';
import { ServerGroups } from './compute/server-groups.ts';
import { Servers } from './compute/servers.ts';
import type { CloudConfig, Credential } from './config/cloud-config.ts';
import { ApplicationCredentials } from './identity/application-credentials.ts';
import type { ServiceType } from './identity/catalog.ts';
import { Directory } from './identity/directory.ts';
import { Session } from './identity/session.ts';
import type { Identity } from './identity/token.ts';
import { Trusts } from './identity/trusts.ts';
import { Images } from './image/images.ts';
import { FloatingIps } from './network/floating-ips.ts';
import { Networks, Subnets } from './network/networks.ts';
import { Ports } from './network/ports.ts';
import { type NetworkQuotas, readNetworkQuotas } from './network/quotas.ts';
import { Routers } from './network/routers.ts';
import { SecurityGroupRules, SecurityGroups } from './network/security-groups.ts';
import { invalidArgument } from './service/invalid-argument.ts';
import { Service } from './service/service.ts';
import type { CallLimits, CallOptions } from './wire/call.ts';
import { HttpClient } from './wire/http-client.ts';

export interface OpenStackOptions {
  /** Of every call, where it does not say otherwise. */
  readonly limits?: Partial<CallLimits>;
  /** Milliseconds for TCP and TLS together; default 10,000. */
  readonly connectDeadline?: number;
}

/**
 * One cloud, as one user in one project. Nothing is sent before the first call.
 *
 * ```ts
 * const openstack = new OpenStack(loadCloud({ cloud: 'lab' }));
 * const servers = await openstack.servers.list({ tags: ['wadi'] });
 * await openstack.close();
 * ```
 */
export class OpenStack {
  readonly servers: Servers;
  readonly keypairs: Keypairs;
  readonly serverGroups: ServerGroups;
  readonly offers: ComputeOffers;
  readonly networks: Networks;
  readonly subnets: Subnets;
  readonly ports: Ports;
  readonly routers: Routers;
  readonly floatingIps: FloatingIps;
  readonly securityGroups: SecurityGroups;
  readonly securityGroupRules: SecurityGroupRules;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly trusts: Trusts;
  readonly applicationCredentials: ApplicationCredentials;
  readonly directory: Directory;
  readonly #cloud: CloudConfig;
  readonly #options: OpenStackOptions;
  readonly #session: Session;
  readonly #services = new Map<ServiceType, Service>();
  readonly #http: HttpClient;
  readonly #ownsHttp: boolean;

  constructor(cloud: CloudConfig, options: OpenStackOptions = {}, shared?: HttpClient) {
    const connectDeadline = options.connectDeadline ?? 10_000;
    this.#cloud = cloud;
    this.#options = options;
    this.#ownsHttp = shared === undefined;
    this.#http = shared ?? new HttpClient({ ca: cloud.ca, connectDeadline });
    this.#session = new Session({ cloud, http: this.#http, limits: options.limits });
    const [compute, network, keystone] = [
      this.service('compute'),
      this.service('network'),
      this.service('identity'),
    ];
    this.servers = new Servers(compute);
    this.keypairs = new Keypairs(compute);
    this.serverGroups = new ServerGroups(compute);
    this.offers = new ComputeOffers(compute);
    this.networks = new Networks(network);
    this.subnets = new Subnets(network);
    this.ports = new Ports(network);
    this.routers = new Routers(network);
    this.floatingIps = new FloatingIps(network);
    this.securityGroups = new SecurityGroups(network);
    this.securityGroupRules = new SecurityGroupRules(network);
    this.images = new Images(this.service('image'));
    this.volumes = new Volumes(this.service('block-storage'));
    this.trusts = new Trusts(keystone);
    this.applicationCredentials = new ApplicationCredentials(keystone);
    this.directory = new Directory(keystone);
  }

  /** For calls that are not typed here. */
  service(type: ServiceType): Service {
    const service = this.#services.get(type) ?? new Service(this.#session, type);
    this.#services.set(type, service);
    return service;
  }

  /** Who this is, and for which project. Logs in if need be. */
  async identity(options: CallOptions = {}): Promise<Identity> {
    return await this.#session.identity(options);
  }

  /** Whether the project may use such a service here. */
  async has(type: ServiceType, options: CallOptions = {}): Promise<boolean> {
    return await this.#session.has(type, options);
  }

  /** Of the project that this is for. */
  async networkQuotas(options: CallOptions = {}): Promise<NetworkQuotas> {
    const { project } = await this.identity(options);
    if (!project) throw invalidArgument('this token is for no project', 'log in for one');
    return await readNetworkQuotas(this.service('network'), project.id, options);
  }

  /** The same cloud as somebody else, over the same connections, which end with this one. */
  actingAs(credential: Credential): OpenStack {
    return new OpenStack({ ...this.#cloud, credential }, this.#options, this.#http);
  }

  /** Acts for whoever made the trust, in the project that it is for. */
  byTrust(trustId: string): OpenStack {
    const { credential } = this.#cloud;
    if (credential.kind === 'application_credential')
      throw invalidArgument(
        'an application credential cannot use a trust',
        'log in by password: Keystone binds application credentials to their own project',
      );
    if (credential.kind === 'issued')
      throw invalidArgument('a token that is used as it is cannot use a trust', 'log in by password');
    return this.actingAs({ ...credential, scope: { kind: 'trust', trustId } });
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#session.close();
    if (this.#ownsHttp) await this.#http.close();
  }
}
