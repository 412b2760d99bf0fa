import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import type { NodeGroupTemplateTable, Schema } from './schema.ts';

export type NodeGroupTemplateRow = Selectable<NodeGroupTemplateTable>;

/** undefined: the project has one of that name. */
export async function insertNodeGroupTemplate(
  db: Kysely<Schema>,
  row: Insertable<NodeGroupTemplateTable>,
): Promise<NodeGroupTemplateRow | undefined> {
  // The constraint decides between simultaneous requests, not a look beforehand.
  return db
    .insertInto('node_group_template')
    .values(row)
    .onConflict((conflict) => conflict.columns(['project_id', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst();
}

export async function updateNodeGroupTemplate(
  db: Kysely<Schema>,
  id: string,
  changes: Updateable<NodeGroupTemplateTable>,
): Promise<NodeGroupTemplateRow> {
  return db
    .updateTable('node_group_template')
    .set({ ...changes, updated_at: sql`now()` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteNodeGroupTemplate(db: Kysely<Schema>, id: string): Promise<void> {
  await db.deleteFrom('node_group_template').where('id', '=', id).execute();
}

/** Who was built from a template. */
export interface Use {
  readonly name: string;
  readonly projectId: string;
  readonly isPublic: boolean;
}

export async function clusterTemplatesUsing(db: Kysely<Schema>, nodeGroupTemplateId: string): Promise<Use[]> {
  return db
    .selectFrom('cluster_template')
    .select(['name', 'project_id as projectId', 'is_public as isPublic'])
    .where(
      sql<boolean>`node_groups @> ${JSON.stringify([{ node_group_template_id: nodeGroupTemplateId }])}::jsonb`,
    )
    .orderBy('name')
    .execute();
}

export async function clustersUsing(db: Kysely<Schema>, nodeGroupTemplateId: string): Promise<Use[]> {
  return db
    .selectFrom('cluster')
    .innerJoin('node_group', 'node_group.cluster_id', 'cluster.id')
    .select(['cluster.name', 'cluster.project_id as projectId', 'cluster.is_public as isPublic'])
    .distinct()
    .where('node_group.node_group_template_id', '=', nodeGroupTemplateId)
    .orderBy('cluster.name')
    .execute();
}

/** The templates with these ids that the project may see, kept from being deleted or changed until the transaction ends. */
export async function lockVisibleNodeGroupTemplates(
  db: Kysely<Schema>,
  projectId: string,
  ids: readonly string[],
): Promise<Map<string, NodeGroupTemplateRow>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('node_group_template')
    .selectAll()
    .where('id', '=', sql<string>`any(${[...ids]}::uuid[])`)
    .where((eb) => eb.or([eb('project_id', '=', projectId), eb('is_public', '=', true)]))
    .orderBy('id')
    .forShare()
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** For showing: the templates behind node groups that exist already, whoever owns them now. */
export async function nodeGroupTemplatesById(
  db: Kysely<Schema>,
  ids: readonly string[],
): Promise<Map<string, NodeGroupTemplateRow>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('node_group_template')
    .selectAll()
    .where('id', '=', sql<string>`any(${[...ids]}::uuid[])`)
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}
