import { type Kysely, type Selectable, sql } from 'kysely';
import type { ImageTable, Schema } from './schema.ts';

export type ImageRow = Selectable<ImageTable>;
type Key = Pick<ImageRow, 'project_id' | 'cloud' | 'image_id'>;

export async function registeredImages(
  db: Kysely<Schema>,
  projectId: string,
  cloud: string,
): Promise<ReadonlyMap<string, ImageRow>> {
  const rows = await db
    .selectFrom('image')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('cloud', '=', cloud)
    .execute();
  return new Map(rows.map((row) => [row.image_id, row]));
}

/** A further time changes user and description, and keeps the tags. */
export async function registerImage(
  db: Kysely<Schema>,
  key: Key,
  fields: Pick<ImageRow, 'username' | 'description'>,
): Promise<ImageRow> {
  return db
    .insertInto('image')
    .values({ ...key, ...fields, tags: [] })
    .onConflict((conflict) => conflict.columns(['project_id', 'cloud', 'image_id']).doUpdateSet(fields))
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function unregisterImage(db: Kysely<Schema>, key: Key): Promise<void> {
  await db.deleteFrom('image').where(match(key)).execute();
}

/** Each tag once, in the order in which they came. undefined: the image is not registered. */
export async function tagImage(
  db: Kysely<Schema>,
  key: Key,
  change:
    | { readonly add: readonly string[] }
    | { readonly remove: readonly string[] }
    | { set: readonly string[] },
): Promise<ImageRow | undefined> {
  return db.transaction().execute(async (tx) => {
    const row = await tx.selectFrom('image').selectAll().where(match(key)).forUpdate().executeTakeFirst();
    if (!row) return undefined;
    let tags: readonly string[];
    if ('set' in change) tags = change.set;
    else if ('add' in change) tags = [...row.tags, ...change.add];
    else tags = row.tags.filter((tag) => !change.remove.includes(tag));
    return tx
      .updateTable('image')
      .set({ tags: [...new Set(tags)] })
      .where(match(key))
      .returningAll()
      .executeTakeFirst();
  });
}

function match({ project_id, cloud, image_id }: Key) {
  return sql<boolean>`project_id = ${project_id} and cloud = ${cloud} and image_id = ${image_id}`;
}
