import { type Kysely, sql } from 'kysely';
import type { Schema } from '../schema.ts';
import { seal, sealFormat, unseal } from '../sealed.ts';
import type { KeyRing } from './key-ring.ts';
import { keyForNewSecrets } from './master-keys.ts';

/** Rows of one transaction. */
const batch = 50;
/** Seconds until a secret that did not open is tried again. */
const pause = 60;

export interface Resealed {
  readonly done: number;
  /** Ids of those that do not open. */
  readonly failed: readonly string[];
}

/**
 * Encrypts some secrets anew that are not yet as new ones are: with another key, or in an older format. Any number of
 * controllers may do it at once, each on rows of its own; who dies leaves the rows as they were.
 */
export async function resealSome(db: Kysely<Schema>, ring: KeyRing): Promise<Resealed> {
  return await db.transaction().execute(async (tx) => {
    const current = await keyForNewSecrets(tx, ring);
    const old = await tx.selectFrom('master_key').select('id').where('is_current', '=', false).execute();
    const rows = await tx
      .selectFrom('secret')
      .selectAll()
      .where(({ or, eb }) =>
        or([
          eb('format', '<', sealFormat),
          ...(old.length > 0
            ? [
                eb(
                  'key_id',
                  'in',
                  old.map((each) => each.id),
                ),
              ]
            : []),
        ]),
      )
      .where(sql<boolean>`coalesce(reseal_failed_at < now() - make_interval(secs => ${pause}), true)`)
      .orderBy('id')
      .limit(batch)
      .forUpdate()
      .skipLocked()
      .execute();
    const failed: string[] = [];
    for (const row of rows) {
      const place = { ...row, key_id: current.id, format: sealFormat };
      const plaintext = open(row, ring);
      if (!plaintext) failed.push(row.id);
      await tx
        .updateTable('secret')
        .set(
          plaintext
            ? {
                key_id: current.id,
                format: sealFormat,
                reseal_failed_at: null,
                ...seal(place, current.key, plaintext),
              }
            : { reseal_failed_at: sql<Date>`now()` },
        )
        .where('id', '=', row.id)
        .execute();
    }
    return { done: rows.length - failed.length, failed };
  });
}

function open(row: Parameters<typeof unseal>[0], ring: KeyRing): Buffer | null {
  const key = ring.find(row.key_id);
  try {
    return key ? unseal(row, key.key) : null;
  } catch {
    return null;
  }
}
