import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.ts';
import type { Hooks, Machine } from './hooks.ts';
import { readUserData } from './read-user-data.ts';

const program = fileURLToPath(new URL('../../../lab/netns/lab-machine', import.meta.url));

/** Inside the lab's networks, where nobody else has an address. */
export const ranges = { privateRange: '10.77.8.0/22', publicRange: '198.18.0.160/27' };
const floating = Array.from({ length: 31 }, (_none, index) => `198.18.0.${161 + index}`);

/**
 * Puts a real OpenSSH machine of the lab behind each server of a stand-in. It lets in what its user data says, tells the host
 * keys that it made on its console, and can be reached from inside alone; floating addresses are the lab router's.
 */
export class LabServers {
  readonly #lab: Lab;
  /** By server. */
  readonly #hostKeys = new Map<string, readonly string[]>();
  readonly #machines = new Map<string, Machine>();
  /** What is asked of one machine, or of the router, comes one after the other. */
  readonly #queues = new Map<string, Promise<void>>();

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** In a lab with a router. */
  static async open(lab: Lab): Promise<LabServers> {
    const servers = new LabServers(lab);
    const addresses = floating.map((address) => `address add ${address}/32 dev outside\n`).join('');
    await servers.#atRouter(['ip', '-batch', '-'], addresses);
    await servers.#atRouter(
      ['nft', '-f', '-'],
      'add map ip floating leads { type ipv4_addr : ipv4_addr; }\nadd rule ip floating in dnat to ip daddr map @leads\n',
    );
    return servers;
  }

  readonly hooks: Required<
    Pick<Hooks, 'onServerActive' | 'onServerGone' | 'onFloatingIp' | 'consoleOutput'>
  > = {
    onServerActive: (machine) => this.#inTurn(machine.id, () => this.#add(machine)),
    onServerGone: ({ id }) => this.#inTurn(id, () => this.#remove(id)),
    onFloatingIp: (address, fixed) => this.#inTurn('router', () => this.#lead(address, fixed)),
    consoleOutput: ({ id }) => consoleOf(this.#hostKeys.get(id)),
  };

  /** What the machine of a server is called in the lab. */
  static nameOf(serverId: string): string {
    return `s-${serverId.slice(0, 8)}`;
  }

  /** That it made; null: it is not up yet. */
  hostKeysOf(serverId: string): readonly string[] | null {
    return this.#hostKeys.get(serverId) ?? null;
  }

  /** As it is when somebody installs it anew: the same address, other host keys. */
  rebuild(serverId: string): Promise<void> {
    const machine = this.#machines.get(serverId);
    if (!machine) throw new Error(`there is no machine behind server ${serverId}`);
    return this.#inTurn(serverId, async () => {
      await this.#remove(serverId);
      await this.#add(machine);
    });
  }

  async #add(machine: Machine): Promise<void> {
    const { id, name, addresses, userData, publicKey } = machine;
    const { user, authorizedKeys, hostKey } = readUserData(userData ?? '');
    const keys = [...authorizedKeys, ...(publicKey === null ? [] : [publicKey])];
    const input = `${keys.join('\n')}\n${hostKey ?? ''}`;
    const argv = ['add', LabServers.nameOf(id), addresses[0] ?? '', '--user', user, '--host-name', name];
    const answer = await run([program, '--name', this.#lab.name, ...argv], input);
    const { hostKeys } = JSON.parse(answer) as { hostKeys: string[] };
    this.#machines.set(id, machine);
    this.#hostKeys.set(id, hostKeys);
  }

  async #remove(id: string): Promise<void> {
    if (!this.#machines.delete(id)) return;
    this.#hostKeys.delete(id);
    await run([program, '--name', this.#lab.name, 'remove', LabServers.nameOf(id)]);
  }

  async #lead(address: string, fixed: string | null): Promise<void> {
    // The first of both makes sure that there is something to take away.
    const change = [`add element ip floating leads { ${address} : ${fixed ?? '0.0.0.0'} }\n`];
    await this.#atRouter(['nft', '-f', '-'], `delete element ip floating leads { ${address} }\n`).catch(
      () => {},
    );
    if (fixed !== null) await this.#atRouter(['nft', '-f', '-'], change.join(''));
  }

  #atRouter(argv: readonly string[], input: string): Promise<string> {
    const { namespace } = this.#lab.inventory.router ?? {};
    return run(['nsenter', `--net=/run/netns/${namespace}`, ...argv], input);
  }

  #inTurn(queue: string, act: () => Promise<void>): Promise<void> {
    const before = this.#queues.get(queue) ?? Promise.resolve();
    const after = before.catch(() => undefined).then(act);
    this.#queues.set(queue, after);
    return after;
  }
}

/** As a terminal has it: lines end in CR LF. */
function consoleOf(hostKeys: readonly string[] | undefined): string {
  const told = hostKeys && [
    '-----BEGIN SSH HOST KEY KEYS-----',
    ...hostKeys,
    '-----END SSH HOST KEY KEYS-----',
  ];
  return ['Booting...', ...(told ?? []), ''].join('\r\n');
}

function run(argv: readonly string[], input = ''): Promise<string> {
  const [command = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(stdout);
      else reject(new Error(`${argv.join(' ')}: ${status} ${stderr}`));
    });
  });
}
