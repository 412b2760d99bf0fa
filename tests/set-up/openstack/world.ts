import type { Glance } from './glance.ts';
import type { Hooks } from './hooks.ts';
import type { Identity } from './keystone/identity.ts';
import type { Neutron } from './neutron/neutron.ts';
import type { Nova } from './nova/nova.ts';
import type { Settings } from './settings.ts';

/** All that a stand-in holds. */
export interface World {
  readonly settings: Settings;
  readonly hooks: Hooks;
  readonly identity: Identity;
  readonly neutron: Neutron;
  readonly nova: Nova;
  readonly glance: Glance;
  readonly clock: Clock;
  /** `http://127.0.0.1:PORT` */
  origin: string;
}

/** What happens by itself after a while. */
export class Clock {
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #hooks = new Set<Promise<void>>();
  readonly problems: unknown[] = [];
  #stopped = false;
  #held: (() => void)[] | null = null;

  /** Milliseconds. Nothing happens once it was stopped. */
  after(delay: number, act: () => void): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#held) this.#held.push(act);
      else act();
    }, delay);
    this.#timers.add(timer);
  }

  /** Nothing more happens until it is released, so that a test can look at what is between. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const due = this.#held ?? [];
    this.#held = null;
    for (const act of due) act();
  }

  /** Its failure is told when the stand-in is stopped. */
  call(hook: () => void | Promise<void>): void {
    const called = (async () => hook())()
      .catch((error: unknown) => void this.problems.push(error))
      .finally(() => this.#hooks.delete(called));
    this.#hooks.add(called);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#hooks);
  }
}
