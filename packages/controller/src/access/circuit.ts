import type { AccessError } from '@wadi/indirect-access';

export interface CircuitSettings {
  /** Milliseconds; only ever goes on. */
  now(): number;
  /** [0, 1) */
  random(): number;
  /** Milliseconds of the back-off after the first failure; it doubles with each further one, up to `most`. */
  readonly first: number;
  readonly most: number;
}

/** Milliseconds after a failure before which not even somebody who has no other way may try. */
const soonestOnDemand = 2_000;

/**
 * Whether one step of a route may be used. Closed: yes. Open: it has failed, and nobody tries until a back-off is over.
 * Half-open: one trial is under way, and what it finds decides for everybody.
 */
export class Circuit {
  readonly #settings: CircuitSettings;
  #state: 'closed' | 'open' | 'half-open' = 'closed';
  #since: number;
  #proven: number | undefined;
  #failures = 0;
  #failed = 0;
  #due = 0;
  #cause: AccessError | undefined;

  constructor(settings: CircuitSettings) {
    this.#settings = settings;
    this.#since = settings.now();
  }

  get state(): 'closed' | 'open' | 'half-open' {
    return this.#state;
  }

  /** When it became what it is. */
  get since(): number {
    return this.#since;
  }

  /** When it was last seen to work. */
  get proven(): number | undefined {
    return this.#proven;
  }

  /** Of the last failure, also when that is over. */
  get cause(): AccessError | undefined {
    return this.#cause;
  }

  /** Trials that failed one after the other, the failure that opened it included. */
  get failures(): number {
    return this.#failures;
  }

  /** When an open one is to be tried again. */
  get due(): number {
    return this.#due;
  }

  /** When whoever has no other way may try it. */
  get dueOnDemand(): number {
    return Math.min(this.#due, this.#failed + soonestOnDemand);
  }

  /** Takes the one trial; false: it is not open. When it is time for that, the caller decides. */
  begin(): boolean {
    if (this.#state !== 'open') return false;
    this.#become('half-open');
    return true;
  }

  /** Something went through it. */
  worked(): void {
    this.#proven = this.#settings.now();
    this.#failures = 0;
    if (this.#state !== 'closed') this.#become('closed');
  }

  /**
   * An attempt that had begun at `begun` failed. Of many that failed together the first counts, and none that had begun
   * before it was last seen to work: that tells of the time before.
   */
  failed(cause: AccessError, begun: number, wasTrial: boolean): void {
    const counts = this.#state === 'half-open' ? wasTrial : this.#state === 'closed' && !this.#isOld(begun);
    if (!counts) return;
    const { now, random, first, most } = this.#settings;
    this.#failures += 1;
    this.#failed = now();
    this.#cause = cause;
    const longest = Math.min(most, first * 2 ** Math.min(30, this.#failures - 1));
    this.#due = this.#failed + longest * (0.5 + random() / 2);
    this.#become('open');
  }

  /** What was open over it broke: nobody knows, so one shall look at once. */
  suspect(cause: AccessError): void {
    if (this.#state !== 'closed') return;
    this.#failed = this.#settings.now();
    this.#due = this.#failed;
    this.#cause = cause;
    this.#become('open');
  }

  /** The trial ended without finding anything out; the next one may follow at once. */
  giveBack(): void {
    if (this.#state !== 'half-open') return;
    this.#due = this.#settings.now();
    this.#become('open');
  }

  #isOld(begun: number): boolean {
    return this.#proven !== undefined && begun < this.#proven;
  }

  #become(state: 'closed' | 'open' | 'half-open'): void {
    // Trials in between are no news: it is down since it went down.
    if (state === 'closed' || this.#state === 'closed') this.#since = this.#settings.now();
    this.#state = state;
  }
}
