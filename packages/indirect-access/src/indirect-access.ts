import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { type AccessOptions, defaultDeadlines, defaultLimits } from './access-options.ts';
import { checkRoute, checkTarget } from './check-route.ts';
import { closedError } from './connection-group.ts';
import { type AttachedRun, type AttachOptions, attachRun } from './durable-run/attach-run.ts';
import { type SweepOptions, sweepRuns } from './durable-run/sweep-runs.ts';
import { ssh2Engine } from './engine/ssh2-engine.ts';
import { AccessError } from './errors.ts';
import { Events } from './events.ts';
import { type Command, type ExecOptions, type ExecResult, runToEnd } from './exec.ts';
import { Explainer, type ExplainOptions } from './explainer.ts';
import { FirstHops } from './first-hops.ts';
import type { ExplainStep } from './hop-timeline.ts';
import { type DispatcherOptions, httpDispatcher } from './http-dispatcher.ts';
import { type ForwardOptions, type LocalForward, localForward } from './local-forward.ts';
import { barredError, Pool, type PoolOptions, type PoolStats } from './pool.ts';
import { type FilesOptions, type RemoteFiles, remoteFiles } from './remote-files.ts';
import { type RemoteProcess, type SpawnOptions, startProcess } from './remote-process.ts';
import { describeRoute, type Relay, type Route } from './route.ts';
import type { Sessions, TunnelTarget } from './session.ts';
import { openTerminal, type RemoteTerminal, type TerminalOptions } from './terminal.ts';
import { type RemoteTransfers, remoteTransfers } from './transfer/remote-transfers.ts';

/** Facts about a session that is open. */
export interface SessionFacts {
  /** The machine's SSH identification, e.g. `SSH-2.0-OpenSSH_9.2p1 Debian-2`. */
  readonly serverVersion: string;
  /** The route in words. */
  readonly route: string;
  /** How the last proxy passes bytes on; absent without a proxy. */
  readonly relay?: Relay;
}

/**
 * Reaches machines through other machines over SSH. Everything takes a route; connections are found or opened
 * for it, shared, and closed when idle.
 *
 * @example
 * const access = new IndirectAccess({ identity: async () => ({ privateKey }) });
 * const { stdout } = await access.exec(route, ['hostname']);
 * await access.close();
 */
export class IndirectAccess implements Sessions {
  readonly #firstHops: FirstHops;
  readonly #parts: PoolOptions;
  readonly #pool: Pool;
  readonly #barred = new Set<string>();
  readonly #explainers = new Set<Explainer>();
  readonly #forwards = new Set<LocalForward>();
  #closed = false;

  constructor(options: AccessOptions) {
    const deadlines = { ...defaultDeadlines, ...options.deadlines };
    this.#firstHops = new FirstHops(deadlines, {
      dial: options.dial?.bind(options),
      openAgent: options.openAgent?.bind(options),
    });
    this.#parts = {
      engine: options.engine ?? ssh2Engine,
      firstHops: this.#firstHops,
      identity: (credential) => options.identity(credential),
      pinHostKey: options.pinHostKey?.bind(options),
      wasPinnedSince: options.wasPinnedSince?.bind(options),
      deadlines,
      limits: { ...defaultLimits, ...options.limits },
      keepalive: options.keepalive ?? { interval: 5_000, missed: 3 },
      replaceLost: options.replaceLost ?? true,
      barred: this.#barred,
      events: new Events(options.onEvent?.bind(options)),
    };
    this.#pool = new Pool(this.#parts);
  }

  /** Runs a command to its end. A non-zero status is a result, not an error. At most once: never repeated. */
  async exec(route: Route, command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    checkRoute(route);
    return runToEnd(await startProcess(this.#pool.site(route), command, options), options);
  }

  /** Starts a command and streams. */
  async spawn(route: Route, command: Command, options: SpawnOptions = {}): Promise<RemoteProcess> {
    checkRoute(route);
    return startProcess(this.#pool.site(route), command, options);
  }

  /**
   * Finds a run that outlives its path, or the place for it. The same id is the same run, by whatever route and from
   * whichever controller: it is begun at most once.
   */
  async attachRun(route: Route, options: AttachOptions): Promise<AttachedRun> {
    checkRoute(route);
    return attachRun(this.#pool.site(route), options, route.machine.user);
  }

  /** Removes what is left on a machine of runs that nobody asks for any more. */
  async sweepRuns(route: Route, options: SweepOptions): Promise<void> {
    await sweepRuns(this, route, options);
  }

  /** Files of the machine, as its login user or as root. */
  files(route: Route, options: FilesOptions = {}): RemoteFiles {
    checkRoute(route);
    return remoteFiles(this, route, options);
  }

  /** Files to and from the machine that go on where they were when the connection is lost. */
  transfers(route: Route): RemoteTransfers {
    checkRoute(route);
    return remoteTransfers(this, route);
  }

  /** A byte stream to a port of the machine at the route's end. */
  async tunnel(route: Route, target: TunnelTarget, options: { signal?: AbortSignal } = {}): Promise<Duplex> {
    checkRoute(route);
    const { machine } = route;
    const { port } = target;
    const { signal } = options;
    checkTarget(machine.host, port, machine.name);
    if (target.host === 'loopback') {
      const proxy = this.#pool.proxy(route, 'auto', false);
      return proxy.open({ host: '127.0.0.1', port, name: machine.name }, signal);
    }
    const { host, name } = machine;
    const proxy = this.#pool.lastProxy(route);
    if (proxy) return proxy.open({ host, port, name }, signal);
    return this.#firstHops.open(route.hops[0], { host, port, name }, signal);
  }

  /**
   * A terminal on the machine with its login shell, or with a shell of root. Its end closes the terminal, which hangs up
   * what runs in it.
   */
  async terminal(route: Route, options: TerminalOptions): Promise<RemoteTerminal> {
    checkRoute(route);
    return openTerminal((request, signal) => this.#pool.terminal(route, request, signal), route, options);
  }

  /** An undici dispatcher whose connections are tunnels to the machine: the URL's port picks the machine's port. */
  dispatcher(route: Route, options: DispatcherOptions = {}): Dispatcher {
    checkRoute(route);
    return httpDispatcher(this, route, options);
  }

  /** Listens locally and passes every connection on to a port of the machine. */
  async forward(route: Route, options: ForwardOptions): Promise<LocalForward> {
    checkRoute(route);
    const forward = await localForward(this, route, options);
    if (this.#closed) {
      await forward.close();
      throw closedError();
    }
    this.#forwards.add(forward);
    const close = () => {
      this.#forwards.delete(forward);
      return forward.close();
    };
    return { ...forward, close };
  }

  /** Opens a session or finds one: to see whether the machine can be reached. */
  async connect(route: Route, options: { signal?: AbortSignal } = {}): Promise<SessionFacts> {
    checkRoute(route);
    const lease = await this.#pool.group(route).acquire('stream', options.signal);
    const { serverVersion } = lease.connection.ssh;
    lease.release();
    const relay = this.#pool.lastProxy(route)?.relay;
    return { serverVersion, route: describeRoute(route), ...(relay ? { relay } : {}) };
  }

  /**
   * Whether the machine lets us in exactly as the route says: by a connection that is opened for this question and closed
   * again. Only where nobody else has a route with the same credential and host keys at that time.
   */
  async check(route: Route, options: { signal?: AbortSignal } = {}): Promise<void> {
    checkRoute(route);
    const group = this.#pool.group(route);
    const lease = await group.acquire('stream', options.signal);
    lease.release();
    group.retire();
  }

  /**
   * Walks the route over connections of its own and tells of each phase of each hop, to the first that fails. Changes
   * nothing: what is open stays as it is, and no host key is pinned.
   */
  async *explain(
    route: Route,
    options: ExplainOptions & { signal?: AbortSignal } = {},
  ): AsyncGenerator<ExplainStep, void, void> {
    const explainer = this.explainer(options);
    try {
      yield* explainer.explain(route, options);
    } finally {
      await explainer.close();
    }
  }

  /** For many routes: what they have in common is walked once. To be closed. */
  explainer(options: ExplainOptions = {}): Explainer {
    if (this.#closed) throw closedError();
    const explainer = new Explainer(this.#parts, this.#pool.learnedKeys, options);
    this.#explainers.add(explainer);
    explainer.closed.then(() => this.#explainers.delete(explainer));
    return explainer;
  }

  /** What is open now. */
  stats(): PoolStats {
    return this.#pool.stats();
  }

  /** Closes what leads to a machine or through it: it was deleted or rebuilt, or its key changed. */
  forget(machineId: string): Promise<void> {
    return this.#pool.forget(machineId);
  }

  /** What is open to a machine or through it takes nothing new, and is closed with the last that uses it. */
  retire(machineId: string): void {
    this.#pool.retire(machineId);
  }

  /**
   * Closes what leads to a machine or through it, as a fault would: what can go on by another route does. The keys of first
   * contacts stay known.
   */
  disconnect(machineId: string, name: string): Promise<void> {
    return this.#pool.disconnect(machineId, lostError(name));
  }

  /** From now on nothing is opened to the machine or through it, whoever asks with whatever route; what is open is closed. */
  bar(machineId: string, name: string): Promise<void> {
    this.#barred.add(machineId);
    return this.#pool.disconnect(machineId, barredError({ name }));
  }

  /** Takes back `bar`. */
  admit(machineId: string): void {
    this.#barred.delete(machineId);
  }

  /** Closes everything; what is under way fails with CLOSED or CONNECTION_LOST. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#forwards].map((forward) => forward.close()));
    this.#forwards.clear();
    await Promise.all([...this.#explainers].map((explainer) => explainer.close()));
    await this.#pool.close();
    await this.#firstHops.close();
  }
}

function lostError(name: string): AccessError {
  return new AccessError(`${name}: the connection was closed from here`, {
    code: 'CONNECTION_LOST',
    hop: name,
    phase: 'channel',
    retryable: true,
  });
}
