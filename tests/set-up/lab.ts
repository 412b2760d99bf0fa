import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('../../lab/netns/', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));
let count = 0;

export interface LabOptions {
  /** Machines behind the proxies, 1..900. */
  readonly machines: number;
  readonly proxies?: number;
  /** sshd on the proxies forbids forwarding. */
  readonly noForwarding?: boolean;
  /** Programs that the proxies lack: nc, ncat, socat, bash. */
  readonly without?: readonly string[];
  readonly jumpOnly?: 'nologin' | 'force-command' | 'no-session';
  /** sshd's MaxStartups on the proxies; absent: sshd's default. */
  readonly maxStartups?: string;
  readonly maxSessions?: number;
  readonly hostKeys?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
  readonly noSudo?: boolean;
  /** A router with a namespace and floating addresses. */
  readonly router?: boolean;
  /** Milliseconds between the controller and the proxies. */
  readonly rttMs?: number;
}

export interface LabInventory {
  readonly controllerNetns: string;
  readonly directory: string;
  readonly proxies: readonly LabProxy[];
  readonly machines: readonly LabMachine[];
  /** Null without the option. */
  readonly router: { readonly id: string; readonly namespace: string } | null;
  readonly user: string;
  readonly privateKeyPath: string;
  readonly httpPort: number;
}

export interface LabMachine {
  readonly name: string;
  readonly internalIp: string;
  /** With a router. */
  readonly floatingIp?: string;
  /** OpenSSH public keys. */
  readonly hostKeys: readonly string[];
}

export type LabFault = 'kill' | 'drop' | 'reject' | 'freeze' | 'cut';

export interface LabProxy extends LabMachine {
  readonly externalIp: string;
}

export interface Finished {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lab {
  readonly name: string;
  readonly inventory: LabInventory;
  readonly privateKey: string;
  /** The argument vector that runs `argv` in the controller's network namespace (files stay those of this host). */
  controllerArgv(argv: readonly string[]): readonly string[];
  /** The same in a machine's network, for servers that a test brings along. */
  machineArgv(machine: string, argv: readonly string[]): readonly string[];
  /** Runs a program in the controller's network namespace to its end. Killed after `timeout` ms (default 60 s). */
  inController(
    argv: readonly string[],
    options?: { input?: string; timeout?: number; env?: NodeJS.ProcessEnv },
  ): Promise<Finished>;
  /** Runs a TypeScript file there: `input` goes to it as JSON on stdin, its stdout is JSON. Throws if it fails. */
  drive(script: string, input: unknown, options?: { timeout?: number }): Promise<unknown>;
  /** How many TCP connections the kernel of this machine or proxy has ever accepted. */
  acceptedConnections(machine: string): Promise<number>;
  /** Established TCP connections to port 22 of this machine or proxy, now. */
  sshConnections(machine: string): Promise<number>;
  /**
   * A port of this host's loopback that leads to port 22 of a proxy, so that a test may reach the lab without
   * moving into its network. Closed with the lab.
   */
  door(proxy: string): Promise<{ host: string; port: number }>;
  /** A power cut and its end; files on the machine are lost, its address and host keys stay. */
  power(state: 'on' | 'off', machine: string): Promise<void>;
  /** Brings a fault upon a proxy and takes it away (lab-fault); `cut` is from one machine. */
  fault(what: 'begin' | 'end', kind: LabFault, proxy: string, machine?: string): Promise<void>;
  down(): Promise<void>;
}

/**
 * Builds a lab of OpenSSH machines in network namespaces (lab/netns/README.md). Needs root. Call `down` when done;
 * should this process die first, the lab removes itself.
 */
export async function labUp(options: LabOptions): Promise<Lab> {
  count += 1;
  const name = `t${process.pid}-${count}`;
  const argv = [String(options.machines), '--name', name, '--owner', String(process.pid)];
  if (options.proxies !== undefined) argv.push('--proxies', String(options.proxies));
  if (options.noForwarding) argv.push('--no-forwarding');
  if (options.without?.length) argv.push('--without', options.without.join(','));
  if (options.jumpOnly) argv.push('--jump-only', options.jumpOnly);
  if (options.maxStartups) argv.push('--max-startups', options.maxStartups);
  if (options.maxSessions !== undefined) argv.push('--max-sessions', String(options.maxSessions));
  if (options.hostKeys) argv.push('--host-keys', options.hostKeys.join(','));
  if (options.router) argv.push('--router');
  if (options.noSudo) argv.push('--no-sudo');
  if (options.rttMs) argv.push('--rtt-ms', String(options.rttMs));
  const { stdout } = await run(`${folder}lab-up`, argv, { maxBuffer: 16 << 20 });
  return standing(name, JSON.parse(stdout) as LabInventory);
}

function standing(name: string, inventory: LabInventory): Lab {
  const inNetns = (machine: string, argv: readonly string[]) =>
    run('nsenter', [`--net=/run/netns/${name}-${machine}`, ...argv]);
  const doors: (() => Promise<void>)[] = [];
  const lab: Lab = {
    name,
    inventory,
    privateKey: readFileSync(inventory.privateKeyPath, 'utf8'),
    controllerArgv: (argv) => ['nsenter', `--net=/run/netns/${inventory.controllerNetns}`, ...argv],
    machineArgv: (machine, argv) => ['nsenter', `--net=/run/netns/${name}-${machine}`, ...argv],
    inController: (argv, options = {}) => toTheEnd(lab.controllerArgv(argv), options),
    async drive(script, input, options = {}) {
      const argv = [process.execPath, '--import', 'tsx', script];
      const driven = await lab.inController(argv, { ...options, input: JSON.stringify(input) });
      if (driven.status !== 0) {
        throw new Error(
          `${script} ended with ${driven.status ?? driven.signal}: ${driven.stderr.slice(-4000)}`,
        );
      }
      return JSON.parse(driven.stdout);
    },
    async acceptedConnections(machine) {
      const { stdout } = await inNetns(machine, ['cat', '/proc/net/snmp']);
      const [names, values] = stdout.split('\n').filter((line) => line.startsWith('Tcp:'));
      return Number(values?.split(' ')[names?.split(' ').indexOf('PassiveOpens') ?? -1]);
    },
    async sshConnections(machine) {
      const { stdout } = await inNetns(machine, ['ss', '-Htn', 'state', 'established', 'sport = 22']);
      return stdout.split('\n').filter(Boolean).length;
    },
    async door(proxy) {
      const address = inventory.proxies.find((one) => one.name === proxy)?.externalIp ?? proxy;
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        const argv = lab.controllerArgv(['socat', 'STDIO', `TCP:${address}:22,nodelay`]);
        const relay = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
        relay.stdin.on('error', () => socket.destroy());
        relay.once('close', () => socket.destroy());
        socket.once('error', () => undefined).once('close', () => relay.kill('SIGKILL'));
        socket.pipe(relay.stdin);
        relay.stdout.pipe(socket);
        open.add(socket);
        socket.once('close', () => open.delete(socket));
      });
      const open = new Set<Socket>();
      doors.push(async () => {
        for (const socket of open) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    },
    async power(state, machine) {
      await run(`${folder}lab-power`, ['--name', name, state, machine]);
    },
    async fault(what, kind, proxy, machine) {
      const words = [what, kind, proxy, ...(machine === undefined ? [] : [machine])];
      await run(`${folder}lab-fault`, ['--name', name, ...words]);
    },
    async down() {
      await Promise.all(doors.splice(0).map((close) => close()));
      await run(`${folder}lab-down`, ['--name', name]);
    },
  };
  return lab;
}

function toTheEnd(
  argv: readonly string[],
  options: { input?: string; timeout?: number; env?: NodeJS.ProcessEnv },
): Promise<Finished> {
  const [program = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      cwd: root,
      env: options.env ?? process.env,
      timeout: options.timeout ?? 60_000,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (status, signal) =>
      resolve({
        status,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}
