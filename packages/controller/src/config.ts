import { BlockList, isIP } from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type AccessMethod, accessMethods } from '@wadi/api';
import { parseCommandTemplate } from '@wadi/indirect-access';
import type { ConfigFile } from './config-file.ts';
import { type IsolationMode, isolationModes } from './provisioning/isolation/isolation-mode.ts';
import { defaultMachinesAtOnce, type MachinesAtOnce } from './provisioning/machine-limits.ts';
import { readMasterKey } from './read-master-key.ts';
import type { KeySettings } from './storage/keys/key-source.ts';

/** What the operator decides. Flags win over the environment, that over the file, that over the defaults. */
export interface Config {
  /** Absolute. */
  readonly data: string;
  readonly host: string;
  /** 0: any free one; see `<data>/endpoint`. */
  readonly port: number;
  /** Further names under which requests may come in. */
  readonly hosts: readonly string[];
  /** Who is let in: those with tokens of ours, of Keystone, or everybody on this computer. */
  readonly auth: 'tokens' | 'keystone' | 'none';
  /** There with `auth` keystone. */
  readonly keystone: KeystoneSettings | null;
  /** PEM files; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Networks of the proxies that speak TLS for this controller; only their X-Forwarded headers count. */
  readonly trustedTlsProxies: readonly string[];
  /** Longest time, in seconds, that what is open may take to end when the controller is told to stop (SIGTERM). */
  readonly drainSeconds: number;
  /** How long audit records are kept. */
  readonly auditRetentionDays: number;
  /** The sandbox cloud: runs commands of API users on this computer. */
  readonly sandbox: boolean;
  /** Absolute; the file with what the cloud for tests offers. */
  readonly testCloud: string | null;
  /** Creates the example cluster and shows what it can do. */
  readonly example: boolean;
  /** Networks in which first hops of imported clusters must lie. */
  readonly allowNetworks: readonly string[];
  /** How clusters are reached that do not say it themselves. */
  readonly accessMethod: AccessMethod;
  /** What makes the first hop of `accessMethod` proxy_command; null: clusters have their own. */
  readonly proxyCommand: string | null;
  /** Words before `ip netns exec`. */
  readonly rootWrapper: readonly string[];
  /** Where machines that dial in find this controller; null: it takes none. */
  readonly agents: AgentSettings | null;
  /** The OpenStack in which clusters are made; null: none. */
  readonly openstack: OpenStackSettings | null;
  /** Absolute; a folder with plugins besides those that come with Wadi. */
  readonly plugins: string | null;
  /** Seconds between two looks at a cluster's health; 0: nobody ever looks. */
  readonly verifyEverySeconds: number;
  /** Of which clusters it is proven that machines behind proxies do not answer the controller directly. */
  readonly isolationCheck: IsolationMode;
  /** Seconds without a way to a machine after which a command that runs there is given up. */
  readonly lostContactSeconds: number;
  readonly machinesAtOnce: MachinesAtOnce;
  /** Absent: the embedded server. */
  readonly databaseUrl: string | null;
  /** Where the keys come from that open what the database holds. */
  readonly masterKey: KeySettings;
  /** `-`: standard output. */
  readonly logFile: string;
  readonly logLevel: string;
}

export interface AgentSettings {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** `HOST:PORT` as machines see it; null: as it listens. */
  readonly advertise: string | null;
  /** `HOST:PORT` as the other controllers see it; null: as it listens, or as machines do where that is no address. */
  readonly peerAdvertise: string | null;
  /** Networks of the balancers that say by the PROXY protocol who dials in through them. */
  readonly trustedProxies: readonly string[];
}

export interface OpenStackSettings {
  /** Its name in clouds.yaml; null: the only one there, or what OS_… variables say. */
  readonly cloud: string | null;
  /** Absolute; null: where clients of OpenStack look for it. */
  readonly file: string | null;
  /** Networks (CIDR) from which machines see the controller come. */
  readonly controllerNetworks: readonly string[];
  /** Id of the network that gives floating addresses; null: the one behind the cluster's router. */
  readonly floatingIpPool: string | null;
}

export interface KeystoneSettings {
  /** Ends in `/v3`. */
  readonly url: string;
  /** File with the user that may validate tokens. */
  readonly credentialFile: string;
  /** PEM file of authorities; null: the system's. */
  readonly caFile: string | null;
  /** Id of the project whose admins are those of the whole installation; null: there are none. */
  readonly operatorsProject: string | null;
}

/** Said to the operator as it is, without a stack. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

export const usage = `Usage: wadi serve [options]

  --listen HOST:PORT     where to answer (default 127.0.0.1:8386; port 0: any free one)
  --data DIR             data directory (default WADI_DATA, else ./.wadi)
  --config FILE          settings in YAML; the options below are its keys too
  --sandbox              offer the sandbox cloud: machines that are processes on this computer
  --example              create the example cluster in the sandbox and show what it can do
  --test-cloud FILE      for tests of the API: the cloud that FILE describes, its tokens and plugins
  --allow-network CIDR   network in which imported machines may be dialled; repeatable
  --access-method METHOD how machines are reached that the controller dials: fixed_ip (default), floating_ip, netns,
                         proxy_command or agent; a cluster may have its own
  --proxy-command WORDS  the program for proxy_command, with {host} {port} {tenant_id} {network_id} {router_id};
                         no shell reads it
  --agent-listen HOST:PORT
                         let machines dial in that accept nothing from outside (off by default)
  --agent-advertise HOST:PORT
                         where they find it, when that is another address
  --openstack CLOUD      make clusters in this cloud of clouds.yaml
  --controller-network CIDR
                         with --openstack: address or network from which machines see the controller come; the only one
                         that they let in; repeatable
  --plugins DIR          folder with plugins of your own, one folder each
  --verify-every SECONDS how often to look whether all machines answer (default 600; 0: never)
  --isolation-check WHAT of which clusters to look whether machines behind proxies answer this controller directly, which
                         they should not: created (default; those whose machines Wadi made), all (imported ones
                         too), off
  --lost-contact SECONDS how long a command may run on a machine that cannot be reached, before nobody waits for its
                         end any more (default 3600)
  --auth MODE            tokens (default), keystone, or none
  --no-auth              the same as --auth none: everybody on this computer is an admin; sandbox only
  --keystone-url URL     with --auth keystone: where it is, e.g. https://keystone.example:5000/v3
  --keystone-credential FILE
                         with --auth keystone: YAML with username, password and project of a user that may
                         validate tokens (also user_domain, project_domain)
  --keystone-ca FILE     authorities (PEM) to trust for Keystone in place of the system's
  --tls-cert FILE, --tls-key FILE
                         answer over TLS; needed to listen beyond this computer
  --trusted-tls-proxy CIDR
                         or leave TLS to a proxy in this network: nobody else is answered from beyond; repeatable
  --database URL         PostgreSQL to use instead of the embedded one (default DATABASE_URL)
  --log-file FILE        log (default <data>/wadi.log; "-" is standard output)
  --log-level LEVEL      ${logLevels.join(', ')} (default info)
  --help

Example: wadi serve --data /var/lib/wadi-lab --allow-network 10.20.0.0/16
`;

/** Null: help was asked for. */
export async function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Config | null> {
  const flags = parseFlags(argv);
  if (flags.help) return null;
  // Its reader loads much that most starts have no use for yet.
  const file: ConfigFile =
    flags.config === undefined ? {} : (await import('./config-file.ts')).readConfigFile(flags.config);
  if (flags.database !== undefined && /:\/\/[^/@]*:[^/@]*@|[?&]password=/.test(flags.database))
    throw new ConfigError(
      '--database holds a password, which every user of this computer can read in the process list: put the URL into ' +
        'DATABASE_URL or into the file of --config (database_url)',
    );
  const data = path.resolve(flags.data ?? env.WADI_DATA ?? file.data ?? '.wadi');
  const { host, port } = parseListen(flags.listen ?? file.listen ?? '127.0.0.1:8386');
  const sandbox = flags.sandbox ?? file.sandbox ?? false;
  const example = flags.example ?? false;
  if (!isLoopback(host) && sandbox)
    throw new ConfigError(
      `--sandbox runs commands on this computer for everyone who has a token: it is refused when listening on ${host}, ` +
        'beyond this computer',
    );
  const auth = readAuth(flags, file);
  const tls = readTls(flags, file);
  const trustedTlsProxies = [...(file.trusted_tls_proxies ?? []), ...(flags['trusted-tls-proxy'] ?? [])];
  for (const network of trustedTlsProxies) {
    checkNetwork(network, 'trusted-tls-proxy');
    refuseEverybody(network, 'trusted-tls-proxy');
  }
  if (sandbox && trustedTlsProxies.length > 0)
    throw new ConfigError(
      '--sandbox runs commands on this computer for everyone who has a token: it is refused behind a proxy, beyond this computer',
    );
  if (auth.auth === 'none' && (!isLoopback(host) || trustedTlsProxies.length > 0))
    throw new ConfigError(
      `--no-auth lets everybody in who can connect: it is refused when listening on ${host} or behind a proxy, beyond ` +
        'this computer',
    );
  if (!isLoopback(host) && !tls && trustedTlsProxies.length === 0)
    throw new ConfigError(
      `listening on ${host}, beyond this computer, needs TLS: give --tls-cert and --tls-key, name the proxy that speaks ` +
        'TLS for Wadi with --trusted-tls-proxy, or listen on 127.0.0.1',
    );
  const openstack = readOpenStack(flags, file);
  if (openstack && auth.auth === 'none')
    throw new ConfigError('--no-auth is for the sandbox alone: it does not go with --openstack');
  const testCloud = flags['test-cloud'];
  if (testCloud !== undefined && (sandbox || !isLoopback(host)))
    throw new ConfigError('--test-cloud is for tests of the API alone: on this computer, without --sandbox');
  if (example && !sandbox) throw new ConfigError('--example needs --sandbox');
  if (example && auth.auth === 'keystone')
    throw new ConfigError('--example needs a token of its own: it does not go with --auth keystone');
  const allowNetworks = [...(file.allow_networks ?? []), ...(flags['allow-network'] ?? [])];
  for (const network of allowNetworks) checkNetwork(network, 'allow-network');
  const plugins = flags.plugins ?? file.plugins;
  const logLevel = flags['log-level'] ?? file.log_level ?? 'info';
  if (!logLevels.includes(logLevel)) throw new ConfigError(`--log-level is one of ${logLevels.join(', ')}`);
  const logFile = flags['log-file'] ?? file.log_file ?? path.join(data, 'wadi.log');
  return {
    data,
    host,
    port,
    hosts: file.hosts ?? [],
    ...auth,
    tls,
    trustedTlsProxies,
    drainSeconds: file.drain_seconds ?? 0,
    auditRetentionDays: file.audit_retention_days ?? 400,
    sandbox,
    testCloud: testCloud === undefined ? null : path.resolve(testCloud),
    example,
    allowNetworks,
    ...readAccess(flags, file),
    agents: readAgents(flags, file),
    openstack,
    plugins: plugins === undefined ? null : path.resolve(plugins),
    verifyEverySeconds: parseSeconds('verify-every', flags) ?? file.verify_every_seconds ?? 600,
    isolationCheck: readIsolationCheck(flags, file),
    lostContactSeconds: parseSeconds('lost-contact', flags) ?? file.lost_contact_seconds ?? 3600,
    machinesAtOnce: { ...defaultMachinesAtOnce, ...file.machines_at_once },
    databaseUrl: checkDatabaseUrl(flags.database ?? (env.DATABASE_URL || undefined) ?? file.database_url),
    masterKey: readMasterKey(file, env, data),
    logFile: logFile === '-' ? logFile : path.resolve(logFile),
    logLevel,
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        listen: { type: 'string' },
        data: { type: 'string' },
        config: { type: 'string' },
        sandbox: { type: 'boolean' },
        'test-cloud': { type: 'string' },
        example: { type: 'boolean' },
        'allow-network': { type: 'string', multiple: true },
        'access-method': { type: 'string' },
        'proxy-command': { type: 'string' },
        'agent-listen': { type: 'string' },
        'agent-advertise': { type: 'string' },
        openstack: { type: 'string' },
        'controller-network': { type: 'string', multiple: true },
        plugins: { type: 'string' },
        'verify-every': { type: 'string' },
        'isolation-check': { type: 'string' },
        'lost-contact': { type: 'string' },
        auth: { type: 'string' },
        'no-auth': { type: 'boolean' },
        'keystone-url': { type: 'string' },
        'keystone-credential': { type: 'string' },
        'keystone-ca': { type: 'string' },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
        'trusted-tls-proxy': { type: 'string', multiple: true },
        database: { type: 'string' },
        'log-file': { type: 'string' },
        'log-level': { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}

type Flags = ReturnType<typeof parseFlags>;

function readAccess(
  flags: Flags,
  file: ConfigFile,
): Pick<Config, 'accessMethod' | 'proxyCommand' | 'rootWrapper'> {
  const given = flags['access-method'] ?? file.access_method ?? 'fixed_ip';
  const accessMethod = accessMethods.find((method) => method === given);
  if (!accessMethod) throw new ConfigError(`--access-method is one of ${accessMethods.join(', ')}`);
  const proxyCommand = flags['proxy-command'] ?? file.proxy_command ?? null;
  if (accessMethod === 'proxy_command' && proxyCommand === null)
    throw new ConfigError('--access-method proxy_command needs --proxy-command');
  try {
    if (proxyCommand !== null) parseCommandTemplate(proxyCommand);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
  return { accessMethod, proxyCommand, rootWrapper: file.root_wrapper ?? [] };
}

function readIsolationCheck(flags: Flags, file: ConfigFile): IsolationMode {
  const given = flags['isolation-check'] ?? file.isolation_check ?? 'created';
  const mode = isolationModes.find((each) => each === given);
  if (!mode) throw new ConfigError(`--isolation-check is one of ${isolationModes.join(', ')}`);
  return mode;
}

function readAgents(flags: Flags, file: ConfigFile): AgentSettings | null {
  const listen = flags['agent-listen'] ?? file.agent_listen;
  const advertise = flags['agent-advertise'] ?? file.agent_advertise ?? null;
  if (listen === undefined) {
    if (advertise !== null) throw new ConfigError('--agent-advertise needs --agent-listen');
    if (file.agent_peer_advertise !== undefined || file.trusted_agent_proxies !== undefined)
      throw new ConfigError('agent_peer_advertise and trusted_agent_proxies need --agent-listen');
    return null;
  }
  const peerAdvertise = file.agent_peer_advertise ?? null;
  if (advertise !== null) parseListen(advertise, '--agent-advertise');
  if (peerAdvertise !== null) parseListen(peerAdvertise, 'agent_peer_advertise');
  const trustedProxies = file.trusted_agent_proxies ?? [];
  for (const network of trustedProxies) {
    checkNetwork(network, 'trusted_agent_proxies');
    refuseEverybody(network, 'trusted_agent_proxies');
  }
  const at = parseListen(listen, '--agent-listen');
  if (advertise === null && (at.host === '0.0.0.0' || /^[0:]+$/.test(at.host)))
    throw new ConfigError(
      `--agent-listen ${listen} is no address that a machine could dial: give --agent-advertise`,
    );
  return { ...at, advertise, peerAdvertise, trustedProxies };
}

function readOpenStack(flags: Flags, file: ConfigFile): OpenStackSettings | null {
  const given = file.openstack ?? {};
  const controllerNetworks = [...(given.controller_networks ?? []), ...(flags['controller-network'] ?? [])];
  if (flags.openstack === undefined && file.openstack === undefined) {
    if (controllerNetworks.length > 0) throw new ConfigError('--controller-network needs --openstack');
    return null;
  }
  for (const network of controllerNetworks) {
    checkNetwork(network, 'controller-network');
    if (network.endsWith('/0'))
      throw new ConfigError(`controller-network: '${network}' is everybody; name where this controller is`);
  }
  return {
    cloud: flags.openstack ?? given.cloud ?? null,
    file: given.clouds_file === undefined ? null : path.resolve(given.clouds_file),
    controllerNetworks,
    floatingIpPool: given.floating_ip_pool ?? null,
  };
}

const authModes = ['tokens', 'keystone', 'none'] as const;

function readAuth(flags: Flags, file: ConfigFile): Pick<Config, 'auth' | 'keystone'> {
  const given = flags['no-auth'] ? 'none' : (flags.auth ?? file.auth ?? 'tokens');
  const auth = authModes.find((mode) => mode === given);
  if (!auth) throw new ConfigError(`--auth is one of ${authModes.join(', ')}`);
  if (flags['no-auth'] && flags.auth !== undefined && flags.auth !== 'none')
    throw new ConfigError(`--no-auth contradicts --auth ${flags.auth}`);
  const url = flags['keystone-url'] ?? file.keystone_url;
  const credential = flags['keystone-credential'] ?? file.keystone_credential;
  const ca = flags['keystone-ca'] ?? file.keystone_ca;
  if (auth !== 'keystone') {
    if (url ?? credential ?? ca) throw new ConfigError('the settings of Keystone need --auth keystone');
    return { auth, keystone: null };
  }
  if (url === undefined || credential === undefined)
    throw new ConfigError('--auth keystone needs --keystone-url and --keystone-credential');
  return {
    auth,
    keystone: {
      url: checkKeystoneUrl(url, file.keystone_allow_http ?? false),
      credentialFile: path.resolve(credential),
      caFile: ca === undefined ? null : path.resolve(ca),
      operatorsProject: file.keystone_operators_project ?? null,
    },
  };
}

/** `allowHttp`: nobody else is on the network between; an operator says so in the file. */
function checkKeystoneUrl(text: string, allowHttp: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || !/\/v3\/?$/.test(url.pathname))
    throw new ConfigError(`--keystone-url: '${text}' is no address such as https://keystone.example:5000/v3`);
  const near = url.hostname === 'localhost' || isLoopback(url.hostname.replace(/^\[|\]$/g, ''));
  if (url.protocol === 'http:' && !near && !allowHttp)
    throw new ConfigError(
      '--keystone-url must be https: tokens and a password go there (on a network of your own alone: keystone_allow_http)',
    );
  return text.replace(/\/$/, '');
}

function readTls(flags: Flags, file: ConfigFile): Config['tls'] {
  const cert = flags['tls-cert'] ?? file.tls_cert;
  const key = flags['tls-key'] ?? file.tls_key;
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined)
    throw new ConfigError('--tls-cert and --tls-key need each other');
  return { cert: path.resolve(cert), key: path.resolve(key) };
}

function parseListen(text: string, option = 'listen'): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (!host || Number(port) > 65535)
    throw new ConfigError(`${option}: '${text}' is not HOST:PORT, e.g. 127.0.0.1:8386 or [::1]:8386`);
  // What the name means here must not depend on the resolver.
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(port) };
}

function parseSeconds(
  option: 'verify-every' | 'lost-contact',
  flags: { readonly [each in typeof option]?: string | undefined },
): number | undefined {
  const text = flags[option];
  if (text === undefined || /^\d{1,8}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new ConfigError(`${option}: '${text}' is not a number of seconds`);
}

function isLoopback(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1';
}

function checkNetwork(network: string, option: string): void {
  const [address = '', prefix = ''] = network.split('/');
  const family = isIP(address);
  try {
    if (family === 0 || !/^\d{1,3}$/.test(prefix)) throw new Error();
    new BlockList().addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
  } catch {
    throw new ConfigError(`${option}: '${network}' is not a network such as 10.20.0.0/16 or 2001:db8::/32`);
  }
}

/** A network that holds everybody names no proxy: anybody could say who they are, or send tokens in clear text. */
function refuseEverybody(network: string, option: string): void {
  const [address = '', prefix = ''] = network.split('/');
  if (Number(prefix) >= (isIP(address) === 6 ? 16 : 8)) return;
  const consequence = option === 'trusted-tls-proxy' ? ', and answered without TLS' : '';
  throw new ConfigError(
    `${option}: '${network}' is not the network of a proxy: everybody in it is believed${consequence}`,
  );
}

function checkDatabaseUrl(url: string | undefined): string | null {
  if (url === undefined) return null;
  // Never quoted: it may hold a password.
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new ConfigError('the database URL must begin with postgresql://');
  return url;
}
