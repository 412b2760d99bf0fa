import { IndirectAccess, type Limits } from '@wadi/indirect-access';
import type {
  AccessSettings,
  ClusterFacts,
  InstanceFacts,
} from '../../packages/controller/src/access/cluster-facts.ts';
import { ClusterReach } from '../../packages/controller/src/access/cluster-reach.ts';
import { ProxyProber } from '../../packages/controller/src/access/proxy-prober.ts';
import { RouteHealth } from '../../packages/controller/src/access/route-health.ts';
import { RouteSelector } from '../../packages/controller/src/access/route-selector.ts';
import { SimulatedMachine } from './simulated-machine.ts';
import { SimulatedNetwork } from './simulated-network.ts';

export interface SimulatedClusterOptions {
  readonly machines: number;
  readonly proxies: number;
  readonly random: () => number;
  readonly settings?: Partial<AccessSettings>;
  readonly limits?: Partial<Limits>;
  /** Milliseconds. */
  readonly backOff?: { readonly first: number; readonly most: number };
}

/** sshd's own. */
const sshd = { maxStartups: 10, maxSessions: 10 };

/**
 * A cluster of machines in memory and real access to it, all times a tenth or less of the real ones. `Health` may be one
 * that counts.
 */
export class SimulatedCluster {
  readonly network = new SimulatedNetwork({ roundTrip: 1, handshake: 5 });
  readonly proxies: readonly SimulatedMachine[];
  readonly machines: readonly SimulatedMachine[];
  readonly facts: ClusterFacts;
  readonly indirect: IndirectAccess;
  readonly reach: ClusterReach;
  readonly health: RouteHealth;
  readonly #instances: ReadonlyMap<string, InstanceFacts>;
  readonly #selector: RouteSelector;
  readonly #prober: ProxyProber;
  readonly #using: NodeJS.Timeout;

  constructor(options: SimulatedClusterOptions, Health: typeof RouteHealth = RouteHealth) {
    const { random, settings: given, limits, backOff = { first: 50, most: 400 } } = options;
    this.proxies = numbered(
      options.proxies,
      (n) => new SimulatedMachine(`proxy-${n}`, `10.0.255.${n}`, sshd),
    );
    this.machines = numbered(options.machines, (n) => {
      return new SimulatedMachine(`machine-${n}`, `10.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`, sshd);
    });
    for (const [index, proxy] of this.proxies.entries()) this.network.add(proxy, `192.0.2.${index + 1}`);
    for (const machine of this.machines) this.network.add(machine);
    this.facts = {
      clusterId: 'simulated',
      clusterName: 'simulated',
      instances: [
        ...this.proxies.map((proxy, index) => factsOf(proxy, index, `192.0.2.${index + 1}`)),
        ...this.machines.map((machine, index) => factsOf(machine, index, null)),
      ],
    };
    this.#instances = new Map(this.facts.instances.map((each) => [each.name, each]));
    const chance = { now: () => performance.now(), random };
    this.health = new Health({ ...chance, ...backOff });
    this.#selector = new RouteSelector({ ...chance, health: this.health });
    this.indirect = new IndirectAccess({
      engine: this.network.engine,
      dial: this.network.dial,
      identity: () => ({ privateKey: '' }),
      keepalive: { interval: 50, missed: 2 },
      replaceLost: false,
      deadlines: { dial: 300, banner: 300, channel: 1_000 },
      ...(limits ? { limits } : {}),
      onEvent: (event) => this.health.note(event),
    });
    const connect = (route: Parameters<IndirectAccess['connect']>[0], signal: AbortSignal) =>
      this.indirect.connect(route, { signal });
    this.#prober = new ProxyProber({ ...chance, selector: this.#selector, connect });
    const settings: AccessSettings = {
      relay: 'auto',
      trustFirstContact: false,
      proxyPolicy: 'balanced',
      directWhenFaster: false,
      ...given,
    };
    this.reach = new ClusterReach(this.indirect, this.facts, settings, this.#selector);
    this.#prober.use(this.facts, settings);
    this.#using = setInterval(() => this.#prober.use(this.facts, settings), 60_000).unref();
  }

  instance(name: string): InstanceFacts {
    const found = this.#instances.get(name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  }

  async close(): Promise<void> {
    clearInterval(this.#using);
    this.#prober.close();
    this.#selector.close();
    for (const machine of [...this.proxies, ...this.machines]) machine.set('up');
    await this.indirect.close();
  }
}

function numbered<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index + 1));
}

function factsOf(machine: SimulatedMachine, index: number, outside: string | null): InstanceFacts {
  return {
    id: `id-${machine.name}`,
    name: machine.name,
    nodeGroupId: 'g',
    nodeGroupName: 'g',
    groupPosition: outside === null ? 1 : 0,
    index,
    isProxy: outside !== null,
    internalIp: machine.address,
    managementIp: outside,
    sshPort: 22,
    managementPort: null,
    loginUser: 'wadi',
    credential: 'key',
    hostKeys: [machine.publicKey],
  };
}
