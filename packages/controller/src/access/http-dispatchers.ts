import type { IndirectAccess, Route } from '@wadi/indirect-access';

type Dispatcher = ReturnType<IndirectAccess['dispatcher']>;

/** Milliseconds after which an unused dispatcher is closed. */
const idle = 60_000;

interface Open {
  readonly dispatcher: Dispatcher;
  readonly route: Route;
  used: number;
}

/** One HTTP dispatcher for each route in use, so that requests share kept-alive tunnels. */
export class HttpDispatchers {
  readonly #indirect: IndirectAccess;
  readonly #open = new Map<string, Open>();
  readonly #timer = setInterval(() => this.#closeIdle(), idle).unref();

  constructor(indirect: IndirectAccess) {
    this.#indirect = indirect;
  }

  /** For one request now; ask again for the next. */
  of(route: Route): Dispatcher {
    // Plain data with its keys in one order: equal routes have equal texts.
    const key = JSON.stringify(route);
    const found = this.#open.get(key);
    const entry = found ?? {
      dispatcher: this.#indirect.dispatcher(route),
      route,
      used: 0,
    };
    entry.used = performance.now();
    if (!found) this.#open.set(key, entry);
    return entry.dispatcher;
  }

  forget(machineId: string): void {
    this.#drop(({ route }) => route.machine.id === machineId, true);
  }

  /** Answers that come through the machine come to their end; later requests go elsewhere. */
  retire(machineId: string): void {
    this.#drop(
      ({ route }) => route.hops.some((hop) => hop.kind === 'ssh' && hop.machine.id === machineId),
      false,
    );
  }

  close(): void {
    clearInterval(this.#timer);
    this.#drop(() => true, true);
  }

  #closeIdle(): void {
    const before = performance.now() - idle;
    this.#drop((entry) => entry.used < before, false);
  }

  /** Unless it is `now`, answers that are still coming come to their end first. */
  #drop(which: (entry: Open) => boolean, now: boolean): void {
    for (const [key, entry] of this.#open) {
      if (!which(entry)) continue;
      this.#open.delete(key);
      const end = now ? entry.dispatcher.destroy() : entry.dispatcher.close();
      end.catch(() => {});
    }
  }
}
