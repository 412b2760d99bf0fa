import type { Kysely, Transaction } from 'kysely';
import type { Schema } from './schema.ts';
import type { Secrets } from './secrets.ts';

/** Stores what `make` makes once for each instance; returns what is stored. */
export async function ensureInjectedHostKey(
  db: Kysely<Schema>,
  secrets: Secrets,
  { id, cluster_id }: { readonly id: string; readonly cluster_id: string },
  make: () => string,
): Promise<string | undefined> {
  const secret = await db.transaction().execute(async (tx) => {
    const row = await tx
      .selectFrom('instance')
      .select('injected_host_secret_id')
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    if (!row || row.injected_host_secret_id !== null) return row?.injected_host_secret_id;
    const made = await secrets.put('injected-host-key', cluster_id, make(), tx);
    await tx.updateTable('instance').set({ injected_host_secret_id: made }).where('id', '=', id).execute();
    return made;
  });
  return secret ? (await secrets.get(secret)).toString() : undefined;
}

/** The machine has made its own. */
export async function forgetInjectedHostKey(tx: Transaction<Schema>, instanceId: string): Promise<void> {
  const row = await tx
    .selectFrom('instance')
    .select('injected_host_secret_id')
    .where('id', '=', instanceId)
    .executeTakeFirst();
  if (!row?.injected_host_secret_id) return;
  await tx
    .updateTable('instance')
    .set({ injected_host_secret_id: null, host_key_source: 'cloud' })
    .where('id', '=', instanceId)
    .execute();
  await tx.deleteFrom('secret').where('id', '=', row.injected_host_secret_id).execute();
}

/** Those whose host key others may have. */
export async function instancesWithInjectedKey(db: Kysely<Schema>, clusterId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('instance')
    .select('id')
    .where('cluster_id', '=', clusterId)
    .where('host_key_source', '=', 'injected')
    .execute();
  return rows.map(({ id }) => id);
}
