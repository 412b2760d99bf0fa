import type { AccessOptions, Deadlines, Keepalive, Limits } from './access-options.ts';
import { Admission } from './admission.ts';
import { ConnectionGroup, closedError, type Lease } from './connection-group.ts';
import { connectionKey } from './connection-key.ts';
import type {
  ExecChannel,
  SshConnection,
  SshEngine,
  TerminalChannel,
  TerminalRequest,
} from './engine/engine.ts';
import { AccessError, type Phase } from './errors.ts';
import type { Events } from './events.ts';
import type { FirstHops } from './first-hops.ts';
import { HostKeyCheck } from './host-key-check.ts';
import { openChannel } from './open-channel.ts';
import { openConnection } from './open-connection.ts';
import type { PooledConnection } from './pooled-connection.ts';
import { ProxyMachine } from './proxy-machine.ts';
import type { ProcessSite } from './remote-process.ts';
import type { Machine, RelaySetting, Route, SshHop } from './route.ts';
import { describeRoute } from './route.ts';

export interface PoolOptions {
  readonly engine: SshEngine;
  readonly firstHops: FirstHops;
  readonly identity: AccessOptions['identity'];
  readonly pinHostKey: AccessOptions['pinHostKey'];
  readonly wasPinnedSince: AccessOptions['wasPinnedSince'];
  readonly deadlines: Deadlines;
  readonly limits: Limits;
  readonly keepalive: Keepalive;
  readonly events: Events;
  readonly replaceLost: boolean;
  /** Ids of machines to which, and through which, nothing is opened. */
  readonly barred: ReadonlySet<string>;
  /** How often a handshake that sshd drops before it began is tried. Default 5. */
  readonly tries?: number;
  /** Told whenever another phase begins in opening a connection to the route's machine. */
  onPhase?(route: Route, phase: Phase): void;
}

/** Milliseconds. */
const RELAY_GRACE = 2_500;

interface Entry {
  readonly route: Route;
  readonly group: ConnectionGroup;
  /** By relay setting: the same machine may be used as a proxy in several ways. */
  readonly proxies: Map<string, ProxyMachine>;
  key: string;
}

/** All connections, by what their users have in common (`connectionKey`). */
export class Pool {
  readonly #options: PoolOptions;
  readonly #hostKeys: HostKeyCheck;
  /** By the number of hops: a machine's handshake may need a further connection to its proxy, never the reverse. */
  readonly #admissions = new Map<number, Admission>();
  readonly #entries = new Set<Entry>();
  readonly #byKey = new Map<string, Entry>();
  readonly #leases = new WeakMap<ExecChannel, Lease>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#hostKeys = new HostKeyCheck(options, options.events, () => this.#rekey());
  }

  group(route: Route): ConnectionGroup {
    return this.#entry(route).group;
  }

  /** The machine at the route's end, used to open streams onward. */
  proxy(route: Route, relay: RelaySetting, jumpOnly: boolean): ProxyMachine {
    const entry = this.#entry(route);
    const key = `${relay} ${jumpOnly}`;
    let proxy = entry.proxies.get(key);
    if (!proxy) {
      const { deadlines, events, replaceLost } = this.#options;
      const { machine } = route;
      const site = this.site(route, 'relay');
      const group = () => this.group(route);
      proxy = new ProxyMachine({ machine, relay, jumpOnly, deadlines, events, replaceLost, group, site });
      entry.proxies.set(key, proxy);
    }
    return proxy;
  }

  /** Where commands of this machine run. */
  site(route: Route, kind: 'session' | 'relay' = 'session'): ProcessSite {
    const { machine } = route;
    const { channel: milliseconds, start: startDeadline } = this.#options.deadlines;
    return {
      name: machine.name,
      startDeadline,
      start: async (text, { signal, near, abandon = closeChannel } = {}) => {
        const beside = near && (await this.#startBeside(near, text));
        if (beside) return beside;
        const { channel, lease } = await openChannel<ExecChannel>(() => this.group(route), {
          kind: near ? 'ending' : kind,
          replaceLost: this.#options.replaceLost,
          machine,
          milliseconds,
          signal,
          open: (ssh, ended, granted) => ssh.exec(text, ended, granted),
          discard: (late, lease) => {
            this.#keep(late, lease);
            abandon(late);
          },
        });
        return kind === 'relay' ? this.#keep(channel, lease) : this.#keep(abandoning(channel, lease), lease);
      },
    };
  }

  /** A terminal on the machine. At most one is ever opened by a call. */
  async terminal(route: Route, request: TerminalRequest, signal?: AbortSignal): Promise<TerminalChannel> {
    const { channel, lease } = await openChannel<TerminalChannel>(() => this.group(route), {
      kind: 'session',
      replaceLost: this.#options.replaceLost,
      machine: route.machine,
      milliseconds: this.#options.deadlines.channel,
      signal,
      open: (ssh, ended, granted) => ssh.terminal(request, ended, granted),
      discard: (late, lease) => {
        this.#keep(late, lease);
        late.close();
      },
    });
    const { resize } = channel;
    return { ...this.#keep(abandoning(channel, lease), lease), resize };
  }

  #keep(channel: ExecChannel, lease: Lease): ExecChannel {
    channel.closed.then(lease.release);
    this.#leases.set(channel, lease);
    return channel;
  }

  /** On the same connection, which may be about to close and no longer in the pool. */
  async #startBeside(near: ExecChannel, text: string): Promise<ExecChannel | undefined> {
    const lease = this.#leases.get(near)?.beside();
    if (!lease) return undefined;
    try {
      const channel = await lease.connection.ssh.exec(text, undefined, lease.granted);
      channel.closed.then(lease.release);
      return channel;
    } catch {
      lease.release();
      return undefined;
    }
  }

  /** The proxy that a route's last ssh hop stands for; undefined: dialled from here. */
  lastProxy(route: Route): ProxyMachine | undefined {
    const hop = route.hops.at(-1);
    if (hop?.kind !== 'ssh') return undefined;
    return this.proxy(routeTo(route, hop), hop.relay, hop.jumpOnly ?? false);
  }

  stats(): PoolStats {
    const connections = [...this.#entries].flatMap(({ route, group }) =>
      [...group.connections].map((connection) => ({
        machine: route.machine.id,
        route: describeRoute(route),
        sessions: connection.sessions,
        streams: connection.streams,
      })),
    );
    const count = (of: 'sessions' | 'streams') => connections.reduce((sum, each) => sum + each[of], 0);
    return {
      connections,
      channels: count('sessions') + count('streams'),
      handshakes: [...this.#admissions.values()].reduce((sum, { inFlight }) => sum + inFlight, 0),
      waiting: [...this.#entries].reduce((sum, { group }) => sum + group.waiting, 0),
    };
  }

  /** By machine id, of first contacts. */
  get learnedKeys(): ReadonlyMap<string, string> {
    return this.#hostKeys.learned;
  }

  /** Closes what leads to the machine or through it, and forgets the key of its first contact. */
  async forget(machineId: string): Promise<void> {
    this.#hostKeys.learned.delete(machineId);
    await this.disconnect(machineId, closedError('the machine was forgotten'));
  }

  /** Closes what leads to the machine or through it. */
  disconnect(machineId: string, why: Error): Promise<void> {
    return this.#closeAll(this.#entriesBy(machineId), why);
  }

  /** What leads to the machine or through it is closed with its last user. */
  retire(machineId: string): void {
    for (const { group } of this.#entriesBy(machineId)) group.retire();
  }

  #entriesBy(machineId: string): readonly Entry[] {
    return [...this.#entries].filter(({ route }) => machines(route).some(({ id }) => id === machineId));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#closeAll([...this.#entries], closedError());
  }

  /** From the far end on, so that relay programs hear the end of their streams while there is still a way. */
  async #closeAll(entries: readonly Entry[], error: Error): Promise<void> {
    for (const entry of entries) this.#remove(entry);
    const lengths = [...new Set(entries.map(({ route }) => route.hops.length))].sort((a, b) => b - a);
    for (const length of lengths) {
      const level = entries.filter(({ route }) => route.hops.length === length);
      await Promise.all(
        level.map(({ group, proxies }) => {
          const relaying = [...proxies.values()].some(({ relay }) => relay && relay !== 'direct-tcpip');
          return group.close(error, relaying ? RELAY_GRACE : 0);
        }),
      );
    }
  }

  /** Every relay program of a proxy is in use: the machine behind it that was idle longest makes room. */
  #evictIdleBehind(proxy: Machine): void {
    let oldest: PooledConnection | undefined;
    for (const { route, group } of this.#entries) {
      const hop = route.hops.at(-1);
      if (hop?.kind !== 'ssh' || hop.machine.id !== proxy.id) continue;
      for (const connection of group.connections) {
        if (connection.idleSince === undefined || !connection.ssh.isOpen) continue;
        if (!oldest || connection.idleSince < (oldest.idleSince ?? 0)) oldest = connection;
      }
    }
    void oldest?.ssh.close();
  }

  #entry(route: Route): Entry {
    if (this.#closed) throw closedError();
    const key = connectionKey(route, this.#hostKeys.learned);
    let entry = this.#byKey.get(key);
    if (!entry) {
      const group = new ConnectionGroup((signal) => this.#open(route, signal), this.#options.limits, {
        empty: () => this.#remove(created),
        starved: () => this.#evictIdleBehind(route.machine),
      });
      const created: Entry = { route, group, proxies: new Map(), key };
      entry = created;
      this.#entries.add(created);
      this.#byKey.set(key, created);
    }
    return entry;
  }

  async #open(route: Route, signal: AbortSignal): Promise<SshConnection> {
    const { barred } = this.#options;
    const closed = machines(route).find(({ id }) => barred.has(id));
    if (closed) throw barredError(closed);
    const { ssh, milliseconds } = await openConnection(route, {
      ...this.#options,
      hostKeys: this.#hostKeys,
      admission: this.#admission(route.hops.length),
      proxy: this.lastProxy(route),
      signal,
    });
    const { events } = this.#options;
    const of = { machine: route.machine, hops: route.hops, route: describeRoute(route) };
    events.emit({ type: 'connected', ...of, milliseconds });
    ssh.closed.then((end) =>
      events.emit({
        type: 'disconnected',
        ...of,
        reason: end?.message ?? 'closed',
        lost: !ssh.wasClosedHere,
      }),
    );
    return ssh;
  }

  #admission(hops: number): Admission {
    const { handshakes, handshakesPerProxy, handshakesPerMachine } = this.#options.limits;
    const limitOf = (group: string) => (group.startsWith('to ') ? handshakesPerMachine : handshakesPerProxy);
    const admission = this.#admissions.get(hops) ?? new Admission(handshakes, limitOf);
    this.#admissions.set(hops, admission);
    return admission;
  }

  /** A first contact taught a key, which from now on is a part of the keys of all routes by that machine. */
  #rekey(): void {
    for (const entry of this.#entries) {
      if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key);
      entry.key = connectionKey(entry.route, this.#hostKeys.learned);
      if (!this.#byKey.has(entry.key)) this.#byKey.set(entry.key, entry);
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
    if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key);
  }
}

export interface PoolStats {
  readonly connections: readonly {
    /** Machine id. */
    readonly machine: string;
    readonly route: string;
    readonly sessions: number;
    readonly streams: number;
  }[];
  /** Open or opening, in all. */
  readonly channels: number;
  readonly handshakes: number;
  /** Callers who wait for a connection or a session. */
  readonly waiting: number;
}

/** Whoever has another route may take it: nothing was begun. */
export function barredError({ name }: Pick<Machine, 'name'>): AccessError {
  return new AccessError(`${name}: no connection to it is allowed`, {
    code: 'ADDRESS_NOT_ALLOWED',
    hop: name,
    phase: 'dial',
    retryable: true,
  });
}

/** A relay program is heard out; what else is closed here holds nobody up. */
function abandoning(channel: ExecChannel, lease: Lease): ExecChannel {
  const { stdin, stdout, stderr, exit, closed } = channel;
  const close = () => {
    channel.close();
    lease.abandon();
  };
  return { stdin, stdout, stderr, exit, closed, close };
}

function closeChannel(channel: ExecChannel): void {
  channel.close();
}

function routeTo(route: Route, hop: SshHop): Route {
  const [first, ...rest] = route.hops;
  return { hops: [first, ...rest.slice(0, rest.indexOf(hop))], machine: hop.machine };
}

function machines(route: Route): Machine[] {
  return [...route.hops.flatMap((hop) => (hop.kind === 'ssh' ? [hop.machine] : [])), route.machine];
}
