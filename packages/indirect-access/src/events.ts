import type { AccessEvent } from './access-options.ts';

/** A listener that throws must not break the work it listens to. */
export class Events {
  readonly #listener: ((event: AccessEvent) => void) | undefined;

  constructor(listener: ((event: AccessEvent) => void) | undefined) {
    this.#listener = listener;
  }

  emit(event: AccessEvent): void {
    try {
      this.#listener?.(event);
    } catch {
      // The listener's own business.
    }
  }
}
