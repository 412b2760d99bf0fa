import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import type { Use } from './node-group-templates.ts';
import type { ClusterTemplateTable, Schema } from './schema.ts';

export type ClusterTemplateRow = Selectable<ClusterTemplateTable>;

/** undefined: the project has one of that name. */
export async function insertClusterTemplate(
  db: Kysely<Schema>,
  row: Insertable<ClusterTemplateTable>,
): Promise<ClusterTemplateRow | undefined> {
  return db
    .insertInto('cluster_template')
    .values(row)
    .onConflict((conflict) => conflict.columns(['project_id', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst();
}

export async function updateClusterTemplate(
  db: Kysely<Schema>,
  id: string,
  changes: Updateable<ClusterTemplateTable>,
): Promise<ClusterTemplateRow> {
  return db
    .updateTable('cluster_template')
    .set({ ...changes, updated_at: sql`now()` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteClusterTemplate(db: Kysely<Schema>, id: string): Promise<void> {
  await db.deleteFrom('cluster_template').where('id', '=', id).execute();
}

export async function clustersOfTemplate(db: Kysely<Schema>, clusterTemplateId: string): Promise<Use[]> {
  return db
    .selectFrom('cluster')
    .select(['name', 'project_id as projectId', 'is_public as isPublic'])
    .where('cluster_template_id', '=', clusterTemplateId)
    .orderBy('name')
    .execute();
}
