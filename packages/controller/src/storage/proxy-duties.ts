import { type Kysely, type Selectable, sql } from 'kysely';
import type { ProxyDutyTable, Schema } from './schema.ts';

export type DutyRow = Selectable<ProxyDutyTable> & {
  readonly cluster_id: string;
  /** Of the instance. */
  readonly name: string;
};

/** Wakes the controllers: somebody changed a duty. */
export const dutyChannel = 'wadi_duty';

/** Of every cluster. */
export function listDuties(db: Kysely<Schema>): Promise<DutyRow[]> {
  return db
    .selectFrom('proxy_duty')
    .innerJoin('instance', 'instance.id', 'proxy_duty.instance_id')
    .selectAll('proxy_duty')
    .select(['instance.cluster_id', 'instance.name'])
    .execute();
}

export async function dutyOf(
  db: Kysely<Schema>,
  instanceId: string,
): Promise<ProxyDutyTable['duty'] | undefined> {
  const row = await db
    .selectFrom('proxy_duty')
    .select('duty')
    .where('instance_id', '=', instanceId)
    .executeTakeFirst();
  return row?.duty;
}

export interface NewDuty {
  readonly instanceId: string;
  readonly duty: ProxyDutyTable['duty'];
  readonly address?: string | null;
  readonly port?: number | null;
  readonly deadline?: Date | null;
}

/** Instead of those that the instances have. Lock the cluster's row before. */
export async function setDuties(tx: Kysely<Schema>, duties: readonly NewDuty[]): Promise<void> {
  for (const { instanceId: instance_id, duty, address = null, port = null, deadline = null } of duties) {
    const row = { duty, address, port, deadline, since: new Date() };
    await tx
      .insertInto('proxy_duty')
      .values({ instance_id, ...row })
      .onConflict((conflict) => conflict.column('instance_id').doUpdateSet(row))
      .execute();
  }
  await tellControllers(tx);
}

export async function removeDuty(tx: Kysely<Schema>, instanceId: string): Promise<void> {
  await tx.deleteFrom('proxy_duty').where('instance_id', '=', instanceId).execute();
  await tellControllers(tx);
}

/** A promoted machine that is dialled at an address of its own answers at another one now; false: it is none. */
export async function movePromoted(
  db: Kysely<Schema>,
  instanceId: string,
  at: { managementIp: string; managementPort: number },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('proxy_duty')
    .set({ address: at.managementIp, port: at.managementPort })
    .where('instance_id', '=', instanceId)
    .where('address', 'is not', null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

async function tellControllers(tx: Kysely<Schema>): Promise<void> {
  await sql`select pg_notify(${dutyChannel}, '')`.execute(tx);
}
