import { createHash } from 'node:crypto';
import type { AccessEvent, Deadlines } from './access-options.ts';
import { checkRoute } from './check-route.ts';
import { closedError } from './connection-group.ts';
import { connectionKey } from './connection-key.ts';
import { cancelled, withDeadline } from './deadline.ts';
import { AccessError } from './errors.ts';
import { Events } from './events.ts';
import { runToEnd } from './exec.ts';
import type { FirstHops } from './first-hops.ts';
import { type ExplainStep, HopTimeline } from './hop-timeline.ts';
import { Pool, type PoolOptions } from './pool.ts';
import { startProcess } from './remote-process.ts';
import type { Machine, Route } from './route.ts';

export interface ExplainOptions {
  /** Milliseconds for each phase; default: those of the access, at most these below. */
  readonly deadlines?: Partial<Deadlines>;
  /** Milliseconds for all of it. Default 60,000. */
  readonly limit?: number;
}

/** Somebody waits for the answer. */
const longest: Deadlines = {
  resolve: 5_000,
  dial: 5_000,
  banner: 5_000,
  keyExchange: 10_000,
  authentication: 10_000,
  channel: 8_000,
  start: 15_000,
  prime: 3_000,
};
const defaultLimit = 60_000;
/** Machines that are looked at through one proxy, or in all, at once. Most of the time goes by in waiting for silent ones. */
const atOnce = { handshakesPerProxy: 128, handshakes: 128 };
/** sshd drops at random above MaxStartups: once is no verdict. */
const tries = 3;

interface Hop {
  readonly steps: readonly ExplainStep[];
  readonly failed: boolean;
}

/**
 * Walks routes over connections of its own and tells of each phase. What several routes have in common is walked once.
 * It verifies host keys and pins none. Close it.
 */
export class Explainer {
  /** Settles when it is closed. */
  readonly closed: Promise<void>;
  #closed = () => {};
  readonly #pool: Pool;
  readonly #firstHops: FirstHops;
  readonly #deadlines: Deadlines;
  readonly #learned: ReadonlyMap<string, string>;
  readonly #over = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** By what identifies the connection. */
  readonly #hops = new Map<string, Promise<Hop>>();
  readonly #timelines = new Map<Route, HopTimeline>();
  /** By machine id: host keys that were shown and not accepted. */
  readonly #shown = new Map<string, string>();

  /** @param learned keys of first contacts, by machine id */
  constructor(parts: PoolOptions, learned: ReadonlyMap<string, string>, options: ExplainOptions) {
    const { limit = defaultLimit } = options;
    this.closed = new Promise((resolve) => {
      this.#closed = resolve;
    });
    this.#learned = learned;
    this.#deadlines = { ...shorter(parts.deadlines), ...options.deadlines };
    this.#firstHops = parts.firstHops.within(this.#deadlines);
    this.#pool = new Pool({
      ...parts,
      firstHops: this.#firstHops,
      deadlines: this.#deadlines,
      // A connection that nobody needs any more must not wait for the last of a thousand machines.
      limits: { ...parts.limits, ...atOnce, idleSeconds: 5 },
      pinHostKey: async (machine, key) => {
        this.#shown.set(machine.id, key);
        throw new AccessError('nothing is pinned by looking', { code: 'HOST_KEY_REFUSED' });
      },
      events: new Events((event) => this.#note(event)),
      tries,
      onPhase: (route, phase) => this.#timelines.get(route)?.enter(phase),
    });
    const late = new AccessError(`looking took longer than ${limit} ms`, {
      code: 'TIMEOUT',
      retryable: true,
    });
    this.#timer = setTimeout(() => this.#over.abort(late), limit);
  }

  /** Each phase of each hop, to the first that fails; at the end whether the machine runs a command. */
  async *explain(given: Route, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ExplainStep> {
    checkRoute(given);
    const route = this.#trusting(given);
    for (const part of partsOf(route)) {
      const { steps, failed } = await unlessAborted(signal, this.#hop(part));
      yield* steps;
      if (failed) return;
    }
    yield await unlessAborted(signal, this.#command(route));
  }

  /** Its time is up: what it tells of from now on says nothing about the machines. */
  get isLate(): boolean {
    return this.#over.signal.aborted;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#over.abort(closedError());
    await this.#pool.close();
    await this.#firstHops.close();
    this.#closed();
  }

  #hop(route: Route): Promise<Hop> {
    const key = connectionKey(route, this.#learned);
    const hop = this.#hops.get(key) ?? this.#walk(route);
    this.#hops.set(key, hop);
    return hop;
  }

  async #walk(route: Route): Promise<Hop> {
    const { machine } = route;
    const timeline = new HopTimeline(machine);
    this.#timelines.set(route, timeline);
    try {
      const lease = await this.#pool.group(route).acquire('stream', this.#over.signal);
      const { serverVersion } = lease.connection.ssh;
      lease.release();
      const authentication = `as ${machine.user}, ${serverVersion}`;
      return { steps: timeline.succeeded({ dial: this.#dialled(route), authentication }), failed: false };
    } catch (error) {
      if (!(error instanceof AccessError) || error.code === 'CLOSED') throw error;
      return { steps: timeline.failed(this.#withShownKey(error, machine)), failed: true };
    } finally {
      this.#timelines.delete(route);
    }
  }

  async #command(route: Route): Promise<ExplainStep> {
    const { name } = route.machine;
    const began = performance.now();
    const step = (
      more: Pick<ExplainStep, 'ok' | 'error'>,
      hop = name,
      phase: ExplainStep['phase'] = 'command',
    ) => ({
      ...{ hop, phase, milliseconds: performance.now() - began },
      ...more,
    });
    try {
      const options = { timeout: this.#deadlines.start, signal: this.#over.signal };
      const process = await startProcess(this.#pool.site(route), ['true'], options);
      const { status } = await runToEnd(process, {});
      if (status === 0) return step({ ok: true });
      const message = `${name}: \`true\` ended with ${status ?? 'a signal'}`;
      const error = new AccessError(message, { code: 'COMMAND_FAILED', hop: name, phase: 'command' });
      return step({ ok: false, error });
    } catch (error) {
      if (!(error instanceof AccessError) || error.code === 'CLOSED') throw error;
      return step({ ok: false, error }, error.hop, error.phase);
    }
  }

  #dialled(route: Route): string {
    const { host, port } = route.machine;
    const last = route.hops.at(-1);
    const where = `${host} port ${port}`;
    if (last?.kind !== 'ssh') return where;
    return `${where} from ${last.machine.name} by ${this.#pool.lastProxy(route)?.relay ?? last.relay}`;
  }

  /** What first contacts have taught counts as pinned. */
  #trusting({ hops: [first, ...jumps], machine }: Route): Route {
    const trusting = (each: Machine): Machine => {
      const key = this.#learned.get(each.id);
      if (each.hostKey.kind === 'pinned' || key === undefined) return each;
      return { ...each, hostKey: { kind: 'pinned', keys: [key] } };
    };
    const hops = jumps.map((hop) => ({ ...hop, machine: trusting(hop.machine) }));
    return { hops: [first, ...hops], machine: trusting(machine) };
  }

  #note(event: AccessEvent): void {
    if (event.type === 'host-key-mismatch') this.#shown.set(event.machine.id, event.key);
  }

  #withShownKey(error: AccessError, { id, name }: Machine): AccessError {
    const key = this.#shown.get(id);
    if (error.phase !== 'host-key' || key === undefined) return error;
    const { code, hint } = error;
    const shown = `it showed ${fingerprint(key)}`;
    const message =
      code === 'HOST_KEY_REFUSED'
        ? `${name}: no host key of it is pinned; ${shown}`
        : `${error.message}: ${shown}`;
    return new AccessError(message, {
      code,
      hop: name,
      phase: 'host-key',
      ...(hint ? { hint } : {}),
      cause: error,
    });
  }
}

/** The routes to each machine on the way, the last one's included. */
function partsOf({ hops: [first, ...jumps], machine }: Route): Route[] {
  const machines = [...jumps.map((hop) => hop.machine), machine];
  return machines.map((each, place) => ({ hops: [first, ...jumps.slice(0, place)], machine: each }));
}

function shorter(deadlines: Deadlines): Deadlines {
  const phases = Object.keys(longest) as (keyof Deadlines)[];
  const entries = phases.map((phase) => [phase, Math.min(longest[phase], deadlines[phase])]);
  return { ...deadlines, ...Object.fromEntries(entries) };
}

function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  return withDeadline({ signal, late: () => cancelled(signal) }, () => work);
}

/** As `ssh-keygen -l` prints it. */
function fingerprint(key: string): string {
  const blob = Buffer.from(key.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
