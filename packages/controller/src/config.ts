import { BlockList, isIP } from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';

/** What the operator decides. Flags win over the environment, that over the file, that over the defaults. */
export interface Config {
  /** Absolute. */
  readonly data: string;
  readonly host: string;
  /** 0: any free one; see `<data>/endpoint`. */
  readonly port: number;
  /** Further names under which requests may come in. */
  readonly hosts: readonly string[];
  /** The sandbox cloud: runs commands of API users on this computer. */
  readonly sandbox: boolean;
  /** Absolute; the file with what the cloud for tests offers. */
  readonly testCloud: string | null;
  /** Creates the example cluster and shows what it can do. */
  readonly example: boolean;
  /** Networks in which first hops of imported clusters must lie. */
  readonly allowNetworks: readonly string[];
  /** Absolute; a folder with plugins besides those that come with Wadi. */
  readonly plugins: string | null;
  /** Seconds between two looks at a cluster's health; 0: nobody ever looks. */
  readonly verifyEverySeconds: number;
  /** Absent: the embedded server. */
  readonly databaseUrl: string | null;
  readonly masterKeyFile: string;
  /** `-`: standard output. */
  readonly logFile: string;
  readonly logLevel: string;
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
  --plugins DIR          folder with plugins of your own, one folder each
  --verify-every SECONDS how often to look whether all machines answer (default 600; 0: never)
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
  const file =
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
  if (!isLoopback(host))
    throw new ConfigError(
      `listening on ${host}, beyond this computer, needs TLS, which Wadi does not speak yet: listen on 127.0.0.1`,
    );
  const testCloud = flags['test-cloud'];
  if (testCloud !== undefined && (sandbox || !isLoopback(host)))
    throw new ConfigError('--test-cloud is for tests of the API alone: on this computer, without --sandbox');
  if (example && !sandbox) throw new ConfigError('--example needs --sandbox');
  const allowNetworks = [...(file.allow_networks ?? []), ...(flags['allow-network'] ?? [])];
  for (const network of allowNetworks) checkNetwork(network);
  const plugins = flags.plugins ?? file.plugins;
  const logLevel = flags['log-level'] ?? file.log_level ?? 'info';
  if (!logLevels.includes(logLevel)) throw new ConfigError(`--log-level is one of ${logLevels.join(', ')}`);
  const logFile = flags['log-file'] ?? file.log_file ?? path.join(data, 'wadi.log');
  return {
    data,
    host,
    port,
    hosts: file.hosts ?? [],
    sandbox,
    testCloud: testCloud === undefined ? null : path.resolve(testCloud),
    example,
    allowNetworks,
    plugins: plugins === undefined ? null : path.resolve(plugins),
    verifyEverySeconds: parseSeconds(flags['verify-every']) ?? file.verify_every_seconds ?? 600,
    databaseUrl: checkDatabaseUrl(flags.database ?? (env.DATABASE_URL || undefined) ?? file.database_url),
    masterKeyFile: path.resolve(file.master_key_file ?? path.join(data, 'master.key')),
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
        plugins: { type: 'string' },
        'verify-every': { type: 'string' },
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

function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (!host || Number(port) > 65535)
    throw new ConfigError(`listen: '${text}' is not HOST:PORT, e.g. 127.0.0.1:8386 or [::1]:8386`);
  // What the name means here must not depend on the resolver.
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(port) };
}

function parseSeconds(text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,8}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new ConfigError(`verify-every: '${text}' is not a number of seconds`);
}

function isLoopback(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1';
}

function checkNetwork(network: string): void {
  const [address = '', prefix = ''] = network.split('/');
  const family = isIP(address);
  try {
    if (family === 0 || !/^\d{1,3}$/.test(prefix)) throw new Error();
    new BlockList().addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
  } catch {
    throw new ConfigError(
      `allow-network: '${network}' is not a network such as 10.20.0.0/16 or 2001:db8::/32`,
    );
  }
}

function checkDatabaseUrl(url: string | undefined): string | null {
  if (url === undefined) return null;
  // Never quoted: it may hold a password.
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new ConfigError('the database URL must begin with postgresql://');
  return url;
}
