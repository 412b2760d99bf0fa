import type { Selectable } from 'kysely';
import type { Database } from './database.ts';
import type { ProjectTable } from './schema.ts';

export type ProjectRow = Selectable<ProjectTable>;

export function findProject(db: Database, id: string): Promise<ProjectRow | undefined> {
  return db.selectFrom('project').selectAll().where('id', '=', id).executeTakeFirst();
}

export function listProjects(db: Database, only: string | null): Promise<ProjectRow[]> {
  return db
    .selectFrom('project')
    .selectAll()
    .$if(only !== null, (query) => query.where('id', '=', only))
    .orderBy('id')
    .execute();
}

/** Undefined: there is one of this id. */
export function insertProject(
  db: Database,
  id: string,
  memberRoot: boolean,
): Promise<ProjectRow | undefined> {
  return db
    .insertInto('project')
    .values({ id, name: id, member_root: memberRoot })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
}

export function updateProject(
  db: Database,
  id: string,
  memberRoot: boolean,
): Promise<ProjectRow | undefined> {
  return db
    .updateTable('project')
    .set({ member_root: memberRoot })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
}

/** Makes a project of Keystone's known here, once. */
export async function ensureProject(db: Database, id: string, name: string): Promise<ProjectRow> {
  const known = await findProject(db, id);
  if (known) return known;
  await db
    .insertInto('project')
    .values({ id, name })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return await db.selectFrom('project').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}
