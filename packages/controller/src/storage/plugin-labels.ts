import type { Kysely } from 'kysely';
import type { PluginLabelChanges, Schema } from './schema.ts';

/** What a project switched, by plugin. */
export async function labelChanges(
  db: Kysely<Schema>,
  projectId: string,
): Promise<ReadonlyMap<string, PluginLabelChanges>> {
  const rows = await db.selectFrom('plugin_labels').selectAll().where('project_id', '=', projectId).execute();
  return new Map(rows.map((row) => [row.plugin_name, row.labels]));
}

/** Adds to what was switched before. */
export async function changeLabels(
  db: Kysely<Schema>,
  projectId: string,
  pluginName: string,
  merge: (before: PluginLabelChanges) => PluginLabelChanges,
): Promise<void> {
  const key = { project_id: projectId, plugin_name: pluginName };
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto('plugin_labels')
      .values({ ...key, labels: JSON.stringify({ plugin: {}, versions: {} }) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const row = await tx
      .selectFrom('plugin_labels')
      .select('labels')
      .where('project_id', '=', projectId)
      .where('plugin_name', '=', pluginName)
      .forUpdate()
      .executeTakeFirstOrThrow();
    await tx
      .updateTable('plugin_labels')
      .set({ labels: JSON.stringify(merge(row.labels)) })
      .where('project_id', '=', projectId)
      .where('plugin_name', '=', pluginName)
      .execute();
  });
}
