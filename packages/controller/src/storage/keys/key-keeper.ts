import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { brokenConstraint } from '../constraint.ts';
import type { Notifications } from '../notifications.ts';
import type { Schema } from '../schema.ts';
import { removeHolder, saveHolder, touchHolder } from './key-holders.ts';
import type { KeyRing } from './key-ring.ts';
import { adoptKeys, keyChannel, keysInUse, lockKeys, retireKeys } from './master-keys.ts';
import { resealSome } from './reseal.ts';

export interface KeyKeeperParts {
  readonly db: Kysely<Schema>;
  readonly ring: KeyRing;
  readonly controllerId: string;
  /** Where the controller runs, for people. */
  readonly name: string;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** Milliseconds between two signs of life, and between two looks for work although nobody called. */
const interval = 5000;

/**
 * Tells the others which master keys this controller knows, reads its source again when it is asked to, and encrypts
 * anew what is not encrypted as new secrets are. Every controller does that, so it is finished whoever dies.
 */
export class KeyKeeper {
  readonly #parts: KeyKeeperParts;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #answered = 0;
  #reading: Promise<unknown> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();

  private constructor(parts: KeyKeeperParts) {
    this.#parts = parts;
  }

  /** Before any secret is read or stored. Throws KeySourceError when a key is missing that the database needs. */
  static async register(parts: KeyKeeperParts): Promise<KeyKeeper> {
    const keeper = new KeyKeeper(parts);
    await parts.db.transaction().execute(async (tx) => {
      await lockKeys(tx);
      await adoptKeys(tx, parts.ring);
      await keeper.#save(tx, null);
    });
    keeper.#timer = setInterval(() => {
      // The next look tells when the database does not answer.
      touchHolder(parts.db, parts.controllerId).catch(() => {});
    }, interval);
    return keeper;
  }

  get ring(): KeyRing {
    return this.#parts.ring;
  }

  start(notifications: Notifications): void {
    this.#watching = this.#watch(notifications);
  }

  /** Reads the source again and tells the others what is in it. Returns why it could not. */
  async reread(): Promise<string | null> {
    const reading = this.#reading.then(() => this.#readAgain());
    this.#reading = reading.catch(() => {});
    return await reading;
  }

  /** Ends what `start` has begun. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
  }

  /** When nothing is stored or read any more: the others need not wait for this controller from now on. */
  async close(): Promise<void> {
    await this.stop();
    clearInterval(this.#timer);
    // Without the database: they wait until it has been silent for long enough.
    await removeHolder(this.#parts.db, this.#parts.controllerId).catch(() => {});
  }

  async #readAgain(): Promise<string | null> {
    const { db, ring, controllerId } = this.#parts;
    const asked = await touchHolder(db, controllerId);
    const inUse = (await keysInUse(db)).map(({ id }) => id);
    const problem = await ring.reload(inUse, this.#stopped.signal).then(
      () => null,
      (error: Error) => error.message,
    );
    this.#answered = asked;
    await this.#save(db, problem);
    return problem;
  }

  async #save(db: Kysely<Schema>, problem: string | null): Promise<void> {
    const { ring, controllerId, name } = this.#parts;
    await saveHolder(db, {
      controller_id: controllerId,
      name,
      source: ring.source.name,
      keys: ring.keys.map(({ id, fingerprint }) => ({ id, fingerprint })),
      problem,
      answered: this.#answered,
    });
  }

  async #watch(notifications: Notifications): Promise<void> {
    const { log } = this.#parts;
    while (!this.#stopped.signal.aborted) {
      // Begin to wait before looking: what is said in between is heard.
      const notice = notifications.wait(keyChannel, '', interval, this.#stopped.signal);
      await this.#look().catch((error) => {
        if (!this.#stopped.signal.aborted)
          log.warn({ err: error }, 'looking after the master keys failed; trying again');
      });
      await notice;
    }
  }

  async #look(): Promise<void> {
    const { db, ring, controllerId, log } = this.#parts;
    if ((await touchHolder(db, controllerId)) > this.#answered) {
      const problem = await this.reread();
      if (problem !== null) log.warn({ problem }, 'the master keys could not be read again');
    }
    let done = 0;
    while (!this.#stopped.signal.aborted) {
      const some = await resealSome(db, ring);
      done += some.done;
      if (some.failed.length > 0)
        log.error({ secrets: some.failed }, 'secrets do not open: their records were changed');
      if (some.done + some.failed.length === 0) break;
    }
    if (done > 0) log.info({ secrets: done }, 'secrets were encrypted anew');
    await this.#retire();
  }

  async #retire(): Promise<void> {
    const { db, controllerId, log } = this.#parts;
    try {
      await retireKeys(db, ({ id, fingerprint }) => {
        log.info({ key: id }, 'a master key encrypts nothing any more');
        const about = { access: 'admin', action: 'master-key.retire', who: 'wadi', controller: controllerId };
        return { projectId: 'default', about: { ...about, key: id, fingerprint } };
      });
    } catch (error) {
      // A secret was stored with it meanwhile: it is encrypted anew first.
      if (brokenConstraint(error) !== 'reference') throw error;
    }
  }
}
