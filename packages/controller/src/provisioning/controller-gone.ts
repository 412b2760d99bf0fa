import { type Kysely, sql } from 'kysely';
import type { Schema } from '../storage/schema.ts';
import { lockKey } from './engine/lease.ts';

/**
 * Whether a controller's lease is free. If it is, it is held until the transaction ends: nobody else settles the same
 * meanwhile. A controller that lives holds it, and then its work is its own.
 */
export async function controllerGone(tx: Kysely<Schema>, controllerId: string): Promise<boolean> {
  const { rows } = await sql<{ gone: boolean }>`
    select pg_try_advisory_xact_lock(${lockKey(controllerId)}::bigint) as gone`.execute(tx);
  return rows[0]?.gone === true;
}
