import { type Kysely, sql } from 'kysely';

/** What Sahara keeps as properties of the cloud's images and plugins is each project's own here. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table image (
      project_id text not null,
      cloud text not null,
      image_id text not null,
      username text not null,
      description text not null,
      tags text[] not null default '{}',
      primary key (project_id, cloud, image_id)
    )`.execute(db);
  await sql`
    create table plugin_labels (
      project_id text not null,
      plugin_name text not null,
      labels jsonb not null,
      primary key (project_id, plugin_name)
    )`.execute(db);
}
