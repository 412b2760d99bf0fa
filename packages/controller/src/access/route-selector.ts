import { setMaxListeners } from 'node:events';
import { AccessError, type Route } from '@wadi/indirect-access';
import { chooseHealthy, chooseTrial, dueForTrial, type Preferences } from './choose-route.ts';
import { noWayError } from './no-way-error.ts';
import type { RouteHealth } from './route-health.ts';
import { accusedStep, type Step } from './route-steps.ts';
import type { Way } from './way.ts';

export interface Selection<T> extends Preferences {
  readonly machineId: string;
  /** Best first. */
  readonly ways: readonly Way[];
  readonly signal?: AbortSignal | undefined;
  /** Opens what the work needs of the way; `toTheEnd`: all of it, because others wait to hear whether it works. */
  prepare(route: Route, signal: AbortSignal, toTheEnd: boolean): Promise<unknown>;
  work(route: Route): Promise<T>;
}

export interface RouteSelectorParts {
  readonly health: RouteHealth;
  now(): number;
  random(): number;
}

type Prepare = Selection<unknown>['prepare'];

interface Failure {
  readonly error: AccessError;
  /** It says nothing of the way as it is now: that may be tried once more. */
  readonly mayHavePassed: boolean;
}

/** Ways looked at again in the background at once. */
const mostProbes = 32;
/** Milliseconds. */
const probeDeadline = 30_000;
const quick = 1_000;

/** Does work by the best way there is, and by the next one when that fails before anything can have happened. */
export class RouteSelector {
  readonly #parts: RouteSelectorParts;
  readonly #probing = new Set<string>();
  readonly #closed = new AbortController();

  constructor(parts: RouteSelectorParts) {
    this.#parts = parts;
    setMaxListeners(0, this.#closed.signal);
  }

  get health(): RouteHealth {
    return this.#parts.health;
  }

  async through<T>(selection: Selection<T>): Promise<T> {
    const { ways, signal } = selection;
    const { health, now } = this.#parts;
    const failures = new Map<Way, Failure>();
    const triedAgain = new Set<Way>();
    const asked = now();
    for (;;) {
      if (signal?.aborted) throw cancelled(signal);
      const left = ways.filter((way) => !failures.has(way));
      const way = this.#healthy(left, selection);
      const choice = way ? ({ kind: 'healthy', way } as const) : chooseTrial(left, health, now(), asked);
      if (choice.kind === 'wait') {
        await this.#wait(left, choice.until, signal);
        continue;
      }
      if (choice.kind === 'none') {
        const again = [...failures].filter(
          ([each, { mayHavePassed }]) => mayHavePassed && !triedAgain.has(each),
        );
        if (again.length === 0) throw noWayError(ways, (each) => failures.get(each)?.error, health);
        for (const [each] of again) {
          triedAgain.add(each);
          failures.delete(each);
        }
        continue;
      }
      const isTrial = choice.kind === 'trial';
      if (isTrial && !health.begin(choice.way.steps)) continue;
      health.used(selection.machineId, choice.way.key);
      const result = await this.#attempt(choice.way, selection, isTrial);
      if ('value' in result) return result.value;
      failures.set(choice.way, result);
    }
  }

  /** Looks whether a way works while nobody depends on it; never rejects. Too many at once, or for one machine: not now. */
  async probe(way: Way, prepare: Prepare): Promise<void> {
    const { health } = this.#parts;
    const { id } = way.route.machine;
    if (this.#closed.signal.aborted || this.#probing.size >= mostProbes || this.#probing.has(id)) return;
    const isTrial = !health.isClosed(way.steps);
    if (isTrial && !health.begin(way.steps)) return;
    this.#probing.add(id);
    const deadline = new AbortController();
    const stop = () => deadline.abort();
    const timer = setTimeout(stop, probeDeadline);
    this.#closed.signal.addEventListener('abort', stop, { once: true });
    const preferences = { policy: 'first', directWhenFaster: false } as const;
    const selection = { ...preferences, machineId: id, ways: [way], prepare, work: async () => undefined };
    try {
      await this.#attempt(way, { ...selection, signal: deadline.signal }, isTrial);
    } catch {
      // What it found is in the health; that it was broken off is no finding.
    } finally {
      clearTimeout(timer);
      this.#closed.signal.removeEventListener('abort', stop);
      this.#probing.delete(id);
    }
  }

  close(): void {
    this.#closed.abort();
  }

  #healthy<T>(left: readonly Way[], selection: Selection<T>): Way | undefined {
    const { health, random, now } = this.#parts;
    const way = chooseHealthy(left, selection.machineId, selection, health, random);
    if (!way) return undefined;
    const due =
      dueForTrial(left, health, now()) ?? (selection.directWhenFaster ? this.#unmeasured(left) : undefined);
    if (due) void this.probe(due, selection.prepare);
    return way;
  }

  #unmeasured(ways: readonly Way[]): Way | undefined {
    const { health } = this.#parts;
    const direct = ways.find((way) => way.isDirect && health.isClosed(way.steps));
    return direct && health.latency(direct.steps) === undefined ? direct : undefined;
  }

  async #attempt<T>(
    way: Way,
    selection: Selection<T>,
    isTrial: boolean,
  ): Promise<{ readonly value: T } | Failure> {
    const { health, now } = this.#parts;
    const { route, steps } = way;
    const { signal } = selection;
    const begun = now();
    let ready = false;
    health.enter(steps);
    try {
      const redirected = await this.#prepare(way, selection, isTrial);
      if (redirected) return { error: redirected, mayHavePassed: true };
      ready = true;
      if (isTrial) health.worked(steps);
      return { value: await selection.work(route) };
    } catch (error) {
      if (!(error instanceof AccessError) || signal?.aborted) throw error;
      const accused = accusedStep(route, error);
      const step = accused === undefined ? undefined : steps[accused];
      if (step !== undefined && !isQuickRefusal(step, now() - begun))
        health.failed(step, error, begun, isTrial && !ready);
      if (isTrial && !ready && isOfMachine(error, route)) health.worked(steps);
      if (!error.retryable && (ready || !isOfProxy(error, route))) throw error;
      return { error, mayHavePassed: wasStale(error) };
    } finally {
      if (isTrial && !ready) health.giveBack(steps);
      health.leave(steps);
    }
  }

  /** Broken off when somebody else finds that the way is broken: what it answers then is why. */
  async #prepare<T>(
    { route, steps }: Way,
    { prepare, signal }: Selection<T>,
    isTrial: boolean,
  ): Promise<AccessError | undefined> {
    const { health } = this.#parts;
    const off = new AbortController();
    let why: AccessError | undefined;
    const onAbort = () => off.abort(signal?.reason);
    const unwatch = health.watch(steps, () => {
      const [broken] = health.notClosed(steps);
      if (isTrial || !broken?.cause) return;
      why = redirectedError(broken.cause);
      off.abort(why);
    });
    if (signal) {
      setMaxListeners(0, signal);
      signal.addEventListener('abort', onAbort, { once: true });
    }
    try {
      await prepare(route, off.signal, isTrial);
      return undefined;
    } catch (error) {
      if (why && !signal?.aborted) return why;
      throw error;
    } finally {
      unwatch();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Until the time, or until the health of one of these ways changes. */
  #wait(ways: readonly Way[], until: number, signal: AbortSignal | undefined): Promise<void> {
    const { health, now } = this.#parts;
    return new Promise((resolve) => {
      const steps = [...new Set(ways.flatMap((way) => way.steps))];
      const go = () => {
        clearTimeout(timer);
        unwatch();
        signal?.removeEventListener('abort', go);
        resolve();
      };
      const unwatch = health.watch(steps, go);
      const timer = Number.isFinite(until) ? setTimeout(go, Math.max(1, until - now())) : undefined;
      signal?.addEventListener('abort', go, { once: true });
    });
  }
}

/** The connection was there before and opened no channel any more; it is not in the pool now. */
function wasStale({ code, phase }: AccessError): boolean {
  return phase === 'channel' && (code === 'TIMEOUT' || code === 'CONNECTION_LOST');
}

/** A proxy that does not let us through, whoever else does. Not when it shows a wrong host key: that is a hard stop. */
function isOfProxy({ hop, code }: AccessError, route: Route): boolean {
  if (hop === undefined || hop === route.machine.name) return false;
  return (
    code === 'FORWARDING_FORBIDDEN' ||
    code === 'NO_RELAY' ||
    code === 'AUTHENTICATION_FAILED' ||
    code === 'NOT_SSH' ||
    code === 'KEY_EXCHANGE_FAILED'
  );
}

/** Of a port: to ask again costs nothing, and the server may just be starting. */
function isQuickRefusal(step: Step, milliseconds: number): boolean {
  return step.includes(':') && milliseconds < quick;
}

/** The machine at the end has answered, so the way to it works. */
function isOfMachine({ hop, phase }: AccessError, route: Route): boolean {
  return hop === route.machine.name && (phase === 'host-key' || phase === 'authentication');
}

/** Nothing was begun, so it may go another way, whatever the cause was for those who found it. */
function redirectedError(cause: AccessError): AccessError {
  const { code, hop, phase, hint, reason, message } = cause;
  return new AccessError(message, {
    code,
    ...(hop === undefined ? {} : { hop }),
    ...(phase === undefined ? {} : { phase }),
    ...(hint === undefined ? {} : { hint }),
    reason,
    retryable: true,
    cause,
  });
}

function cancelled({ reason }: AbortSignal): AccessError {
  if (reason instanceof AccessError) return reason;
  return new AccessError('cancelled', { code: 'CANCELLED', cause: reason });
}
