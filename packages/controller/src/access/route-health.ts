import { AccessError, type AccessEvent } from '@wadi/indirect-access';
import { Circuit, type CircuitSettings } from './circuit.ts';
import { routeSteps, type Step } from './route-steps.ts';

export interface StepHealth {
  readonly circuit: Circuit;
  /** Milliseconds that a dial and handshake take, smoothed. */
  latency: number | undefined;
  /** Operations that use it now. */
  inFlight: number;
  /** Connections that rest on it. */
  open: number;
}

interface Entry extends StepHealth {
  watchers: Set<() => void> | undefined;
}

/** How much of a new measurement goes into the average. */
const weight = 0.2;
/** Milliseconds for which a machine stays with the way it was last reached by, though nothing is open any more. */
const loyalty = 60_000;
/** Milliseconds in which all connections through a proxy that died have told so. */
const afterAll = 20;
/** Steps, and machines, of which something is remembered. Those with news of use are kept beyond that. */
const most = 50_000;

/** What is known of each step of all routes, from what happens on them. */
export class RouteHealth {
  readonly #settings: CircuitSettings;
  readonly #steps = new Map<Step, Entry>();
  /** By the machine that is dialled from: what reaching others through it takes. */
  readonly #latencyThrough = new Map<string, number>();
  /** By machine: open connections per way (its steps in one text), and the way last used. */
  readonly #warm = new Map<string, Map<string, number>>();
  readonly #last = new Map<string, { readonly way: string; readonly at: number }>();

  constructor(settings: CircuitSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#steps.size + this.#last.size;
  }

  /** undefined: nothing is known, so nothing is held against it. */
  of(step: Step): StepHealth | undefined {
    return this.#steps.get(step);
  }

  isClosed(steps: readonly Step[]): boolean {
    return steps.every((step) => (this.#steps.get(step)?.circuit.state ?? 'closed') === 'closed');
  }

  /** What is not closed of these. */
  notClosed(steps: readonly Step[]): readonly Circuit[] {
    return steps
      .map((step) => this.#steps.get(step)?.circuit)
      .filter((circuit) => circuit !== undefined)
      .filter((circuit) => circuit.state !== 'closed');
  }

  /** Work and connections on the busiest of them. */
  load(steps: readonly Step[]): number {
    const loads = steps.map((step) => this.#steps.get(step)).map((each) => load(each));
    return Math.max(0, ...loads);
  }

  /** Milliseconds to reach the machine at the end, as last measured; undefined: never was. */
  latency(steps: readonly Step[]): number | undefined {
    const last = steps.at(-1) ?? '';
    return steps.length === 1 ? this.#steps.get(last)?.latency : this.#latencyThrough.get(from(last));
  }

  /** Something is open to the machine by this way. */
  isWarm(machineId: string, way: string): boolean {
    return this.#warm.get(machineId)?.has(way) ?? false;
  }

  /** The machine was last reached by this way, and that a moment ago, or by what is still open. */
  isLast(machineId: string, way: string): boolean {
    const last = this.#last.get(machineId);
    if (last?.way !== way) return false;
    return this.isWarm(machineId, way) || this.#settings.now() - last.at < loyalty;
  }

  /** Machines that something is open to by a way on which `step` lies. */
  machinesBehind(step: Step): number {
    let count = 0;
    for (const ways of this.#warm.values())
      if ([...ways.keys()].some((way) => way.startsWith(`${step} `) || way.includes(` ${step} `))) count += 1;
    return count;
  }

  enter(steps: readonly Step[]): void {
    for (const step of steps) this.#entry(step).inFlight += 1;
  }

  leave(steps: readonly Step[]): void {
    for (const step of steps) {
      const entry = this.#steps.get(step);
      if (entry) entry.inFlight = Math.max(0, entry.inFlight - 1);
    }
  }

  used(machineId: string, way: string): void {
    this.#last.delete(machineId);
    this.#last.set(machineId, { way, at: this.#settings.now() });
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= most) break;
      this.#last.delete(oldest);
    }
  }

  /** Takes the trial of all that is not closed. False: somebody else has one of them. */
  begin(steps: readonly Step[]): boolean {
    const circuits = this.notClosed(steps);
    if (circuits.some(({ state }) => state === 'half-open')) return false;
    for (const circuit of circuits) circuit.begin();
    return true;
  }

  worked(steps: readonly Step[]): void {
    for (const step of steps) this.#change(step, ({ circuit }) => circuit.worked());
  }

  failed(step: Step, cause: AccessError, begun: number, wasTrial: boolean): void {
    this.#change(step, ({ circuit }) => circuit.failed(cause, begun, wasTrial));
  }

  giveBack(steps: readonly Step[]): void {
    for (const step of steps) this.#change(step, ({ circuit }) => circuit.giveBack());
  }

  /** Calls `changed` whenever one of them opens, closes or ends its trial, until what it returns is called. */
  watch(steps: readonly Step[], changed: () => void): () => void {
    const entries = steps.map((step) => this.#entry(step));
    for (const entry of entries) {
      entry.watchers ??= new Set();
      entry.watchers.add(changed);
    }
    return () => {
      for (const { watchers } of entries) watchers?.delete(changed);
    };
  }

  /** Learns from what happens to connections, whoever wanted them. */
  note(event: AccessEvent): void {
    if (event.type !== 'connected' && event.type !== 'disconnected') return;
    const [first, ...rest] = event.hops;
    if (first === undefined || first.kind === 'ssh') return;
    const jumps = rest.flatMap((hop) => (hop.kind === 'ssh' ? [hop] : []));
    const steps = routeSteps({ hops: [first, ...jumps], machine: event.machine });
    const way = steps.join(' ');
    if (event.type === 'connected') {
      for (const step of steps) this.#entry(step).open += 1;
      this.#measure(steps, event.milliseconds);
      this.#keepWarm(event.machine.id, way, 1);
      this.worked(steps);
      return;
    }
    for (const step of steps) {
      const entry = this.#steps.get(step);
      if (entry) entry.open = Math.max(0, entry.open - 1);
    }
    this.#keepWarm(event.machine.id, way, -1);
    if (event.lost) this.#suspectLast(steps, lostError(event.machine.name, event.reason));
  }

  /** Behind a proxy it may have been the proxy, which has an event of its own a moment before or after this one. */
  #suspectLast(steps: readonly Step[], cause: AccessError): void {
    const [last = '', before] = [steps.at(-1), steps.at(-2)];
    const suspect = () => this.#change(last, ({ circuit }) => circuit.suspect(cause));
    const suspectAlone = () => {
      const proxy = this.#steps.get(before ?? '');
      if (proxy && proxy.open > 0 && proxy.circuit.state === 'closed') suspect();
    };
    if (before === undefined) suspect();
    else setTimeout(suspectAlone, afterAll).unref();
  }

  forget(machineIds: readonly string[]): void {
    const gone = new Set(machineIds);
    for (const [step, { watchers }] of this.#steps) {
      const [start = '', end = ''] = step.split('>');
      if (!gone.has(start) && !gone.has(end.split(':')[0] ?? '')) continue;
      this.#steps.delete(step);
      for (const tell of [...(watchers ?? [])]) tell();
    }
    for (const id of gone) {
      this.#latencyThrough.delete(id);
      this.#warm.delete(id);
      this.#last.delete(id);
    }
  }

  #measure(steps: readonly Step[], milliseconds: number): void {
    const last = steps.at(-1) ?? '';
    const entry = this.#entry(last);
    entry.latency = smoothed(entry.latency, milliseconds);
    if (steps.length === 1) return;
    const proxy = from(last);
    this.#latencyThrough.set(proxy, smoothed(this.#latencyThrough.get(proxy), milliseconds));
  }

  #keepWarm(machineId: string, way: string, more: 1 | -1): void {
    const ways = this.#warm.get(machineId) ?? new Map<string, number>();
    const count = (ways.get(way) ?? 0) + more;
    if (count > 0) ways.set(way, count);
    else ways.delete(way);
    if (ways.size > 0) this.#warm.set(machineId, ways);
    else this.#warm.delete(machineId);
  }

  #change(step: Step, how: (entry: Entry) => void): void {
    const entry = this.#entry(step);
    const { state } = entry.circuit;
    how(entry);
    if (entry.circuit.state !== state) for (const tell of [...(entry.watchers ?? [])]) tell();
  }

  #entry(step: Step): Entry {
    let entry = this.#steps.get(step);
    if (entry) return entry;
    if (this.#steps.size >= most) this.#makeRoom();
    entry = {
      circuit: new Circuit(this.#settings),
      latency: undefined,
      inFlight: 0,
      open: 0,
      watchers: undefined,
    };
    this.#steps.set(step, entry);
    return entry;
  }

  /** The oldest tenth of what nobody uses: first what is well, then what is not, for whoever needs it finds out anew. */
  #makeRoom(): void {
    const wanted = most * 0.9;
    for (const state of ['closed', 'open'] as const) {
      for (const [step, { circuit, inFlight, open, watchers }] of this.#steps) {
        if (this.#steps.size <= wanted) return;
        if (circuit.state === state && inFlight + open + (watchers?.size ?? 0) === 0)
          this.#steps.delete(step);
      }
    }
  }
}

function load(health: StepHealth | undefined): number {
  return health ? health.inFlight + health.open : 0;
}

function from(step: Step): string {
  return step.slice(0, step.indexOf('>'));
}

function smoothed(before: number | undefined, now: number): number {
  return before === undefined ? now : before + (now - before) * weight;
}

function lostError(name: string, reason: string): AccessError {
  return new AccessError(`${name}: its connection was lost (${reason})`, {
    code: 'CONNECTION_LOST',
    hop: name,
    phase: 'channel',
    retryable: true,
  });
}
