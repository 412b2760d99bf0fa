import { type Kysely, sql } from 'kysely';

/**
 * Machines have a floating address besides their fixed one. Imports noted the one method that there was; now what a cluster
 * does not say itself is as the controller has it, so that note would be a choice that nobody made.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['instance', 'inventory_machine'])
    await sql`alter table ${sql.table(table)} add column floating_ip text`.execute(db);
  await sql`update cluster set access = access - 'method' where access ->> 'method' = 'fixed_ip'`.execute(db);
}
