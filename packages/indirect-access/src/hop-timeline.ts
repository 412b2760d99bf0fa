import { isIP } from 'node:net';
import type { AccessError, Phase } from './errors.ts';
import type { Machine } from './route.ts';

/** One phase of one hop of a route, as it was when somebody looked. */
export interface ExplainStep {
  /** Name of the machine that it is about; with FORWARDING_FORBIDDEN and the like the proxy before. */
  readonly hop: string;
  readonly phase: Phase;
  readonly ok: boolean;
  readonly milliseconds: number;
  /** What was found: an address, the proxy and its relay, the server's version. */
  readonly detail?: string;
  /** Of a step that failed; none follows it. */
  readonly error?: AccessError;
}

/** The phases of one connection and how long each took, from what opens it. */
export class HopTimeline {
  readonly #machine: Machine;
  readonly #milliseconds = new Map<Phase, number>();
  #phase: Phase | undefined;
  #since = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The same phase may be entered again: the key exchange goes on when the host key is accepted. */
  enter(phase: Phase): void {
    this.#leave();
    // Another try, after sshd had dropped the last one.
    if (phase === 'resolve' || (phase === 'dial' && this.#phase !== 'resolve')) this.#milliseconds.clear();
    this.#phase = phase;
    this.#milliseconds.set(phase, this.#milliseconds.get(phase) ?? 0);
  }

  succeeded(details: Partial<Record<Phase, string>>): ExplainStep[] {
    this.#leave();
    return [...this.#milliseconds.keys()]
      .filter((phase) => this.#isWorthTelling(phase))
      .map((phase) => this.#ok(phase, details[phase]));
  }

  failed(error: AccessError): ExplainStep[] {
    this.#leave();
    const phase = error.phase ?? this.#phase ?? 'dial';
    const milliseconds = this.#milliseconds.get(this.#phase ?? phase) ?? 0;
    const before = [...this.#milliseconds.keys()].filter(
      (each) => each !== phase && each !== this.#phase && this.#isWorthTelling(each),
    );
    const hop = error.hop ?? this.#machine.name;
    return [...before.map((each) => this.#ok(each)), { hop, phase, ok: false, milliseconds, error }];
  }

  #leave(): void {
    const now = performance.now();
    if (this.#phase)
      this.#milliseconds.set(this.#phase, (this.#milliseconds.get(this.#phase) ?? 0) + now - this.#since);
    this.#since = now;
  }

  /** An address has no name to resolve. */
  #isWorthTelling(phase: Phase): boolean {
    return phase !== 'resolve' || isIP(this.#machine.host) === 0;
  }

  #ok(phase: Phase, detail?: string): ExplainStep {
    const milliseconds = this.#milliseconds.get(phase) ?? 0;
    return { hop: this.#machine.name, phase, ok: true, milliseconds, ...(detail ? { detail } : {}) };
  }
}
