import type { KeySource } from './key-source.ts';
import { KeySourceError, type MasterKey } from './master-key.ts';

/** The master keys that this controller knows. */
export class KeyRing {
  readonly source: KeySource;
  #keys: readonly MasterKey[];

  private constructor(source: KeySource, keys: readonly MasterKey[]) {
    this.source = source;
    this.#keys = keys;
  }

  /** `first`: nothing was ever encrypted, so a key may be made where there is none. Throws KeySourceError. */
  static async open(source: KeySource, first: boolean, signal?: AbortSignal): Promise<KeyRing> {
    if (first) source.create?.();
    return new KeyRing(source, await source.read(signal));
  }

  get keys(): readonly MasterKey[] {
    return this.#keys;
  }

  /** That the operator wants to be used; whether it is, the database says. */
  get first(): MasterKey {
    return this.#keys[0] as MasterKey;
  }

  find(id: string): MasterKey | undefined {
    return this.#keys.find((each) => each.id === id);
  }

  /** Reads the source again. Throws KeySourceError, and keeps what it has, when one of those in use is gone there. */
  async reload(inUse: readonly string[], signal?: AbortSignal): Promise<void> {
    const keys = await this.source.read(signal);
    const gone = inUse.filter((id) => this.find(id) && !keys.some((each) => each.id === id));
    if (gone.length > 0)
      throw new KeySourceError(
        `${this.source.name} does not hold master key ${gone.join(', ')} any more, which is in use: put it back`,
      );
    this.#keys = keys;
  }
}
