import { type AuditRecord, appendAudit } from './audit.ts';
import type { Database } from './database.ts';

interface Waiting {
  readonly record: AuditRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Takes records one by one and commits many at once: a chain can only be written by one after the other. */
export class AuditLog {
  readonly #db: Database;
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Resolves when the record is committed; what it is about may begin then. */
  append(record: AuditRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      if (this.#writing) return;
      this.#writing = true;
      setImmediate(() => void this.#write());
    });
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, 1000);
      const records = batch.map(({ record }) => record);
      try {
        await this.#db.transaction().execute((tx) => appendAudit(tx, records));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = false;
  }
}
