import type { Selectable } from 'kysely';
import type { Database } from './database.ts';
import type { DelegationTable } from './schema.ts';

/** Somebody who may make things in a project. */
export interface Member {
  readonly projectId: string;
  readonly userId: string;
  readonly userName: string;
  /** Names, as Keystone has them. */
  readonly roles: readonly string[];
  readonly token: string;
}

export type DelegationRow = Selectable<DelegationTable>;

export function findDelegation(
  db: Database,
  projectId: string,
  userId: string,
): Promise<DelegationRow | undefined> {
  return db
    .selectFrom('delegation')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
}

/** Those that count, newest first. */
export function liveDelegations(db: Database, projectId: string): Promise<DelegationRow[]> {
  return db
    .selectFrom('delegation')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('dead_since', 'is', null)
    .where('expires_at', '>', new Date())
    .orderBy('renewed_at', 'desc')
    .execute();
}

export type NewDelegation = Pick<
  DelegationRow,
  'project_id' | 'user_id' | 'user_name' | 'trust_id' | 'roles' | 'expires_at'
>;

/** In place of the one that the member gave before. */
export async function putDelegation(db: Database, given: NewDelegation): Promise<void> {
  const { project_id, user_id, roles, ...rest } = given;
  const values = { ...rest, roles: JSON.stringify(roles), renewed_at: new Date(), dead_since: null };
  await db
    .insertInto('delegation')
    .values({ project_id, user_id, ...values })
    .onConflict((conflict) => conflict.columns(['project_id', 'user_id']).doUpdateSet(values))
    .execute();
}

/** Only while it is still this one: it may have been renewed since. */
export async function markDelegationDead(db: Database, trustId: string): Promise<void> {
  await db
    .updateTable('delegation')
    .set({ dead_since: new Date() })
    .where('trust_id', '=', trustId)
    .where('dead_since', 'is', null)
    .execute();
}

/** Those that do not count any more, and those that end before `end`. */
export function troubledDelegations(db: Database, end: Date, only: string | null): Promise<DelegationRow[]> {
  return db
    .selectFrom('delegation')
    .selectAll()
    .where((where) => where.or([where('dead_since', 'is not', null), where('expires_at', '<', end)]))
    .$if(only !== null, (query) => query.where('project_id', '=', only))
    .orderBy('project_id')
    .orderBy('user_name')
    .execute();
}

/** Ids of those in which somebody has ever let the controller act. */
export async function delegatedProjects(db: Database): Promise<string[]> {
  const rows = await db
    .selectFrom('delegation')
    .select('project_id')
    .distinct()
    .orderBy('project_id')
    .execute();
  return rows.map(({ project_id }) => project_id);
}
