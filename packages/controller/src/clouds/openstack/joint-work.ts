/** A cluster's machines come at once, and each asks for what all of them share: whoever comes meanwhile waits for the first. */
export class JointWork<T> {
  readonly #running = new Map<string, Promise<T>>();

  /** `act` has nobody's signal: the others wait for it too. */
  run(key: string, act: () => Promise<T>): Promise<T> {
    const known = this.#running.get(key);
    if (known) return known;
    const running = act().finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    return running;
  }
}
