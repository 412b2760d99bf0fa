import { Kysely, type LogEvent, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WadiClient } from '../../packages/client/src/index.ts';
import { clusterParts } from '../../packages/controller/src/storage/clusters.ts';
import { type ListQuery, listPage } from '../../packages/controller/src/storage/list-page.ts';
import type { Schema } from '../../packages/controller/src/storage/schema.ts';
import { type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 120_000 });

const limit = 100;
const own = 10_000;
const foreign = 100_000;
const foreignPublic = 500;

let controller: Controller;
let client: WadiClient;
let pool: pg.Pool;
let db: Kysely<Schema>;
let issued: { readonly sql: string; readonly parameters: readonly unknown[] }[] = [];

beforeAll(async () => {
  controller = await startController();
  client = new WadiClient({ url: controller.url, token: controller.token });
  pool = new pg.Pool({ connectionString: controller.databaseUrl ?? '', max: 4 });
  const log = ({ query }: LogEvent) => {
    issued.push(query);
  };
  db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }), log });
  await sql`insert into project (id, name) select 'p' || n, 'p' || n from generate_series(0, 49) as n`.execute(
    db,
  );
  await sql`insert into project (id, name) values ('small', 'small')`.execute(db);
  // In Error, nobody looks at them by himself. Many were made in the same moment, and names are in no order of ids.
  const clusters = (project: string, count: number, isPublic: string) => sql`
    insert into cluster (id, project_id, name, plugin_name, plugin_version, cloud, status, is_public, is_protected, spec,
      created_at, updated_at)
    select gen_random_uuid(), ${sql.raw(project)}, 'c' || md5(n::text), 'bare', '1.0', 'sandbox', 'Error',
      ${sql.raw(isPublic)}, false, '{}', timestamptz '2026-01-01' + n / 7 * interval '1.000001 second',
      case when n % 3 = 0 then timestamptz '2026-02-01' + n / 5 * interval '1 second' end
    from generate_series(1, ${sql.lit(count)}) as n`;
  await clusters(`'default'`, own, 'n % 20 = 0').execute(db);
  await clusters(`'small'`, 100, 'false').execute(db);
  await clusters(`'p' || n % 50`, foreign, `n % ${foreign / foreignPublic} = 0`).execute(db);
  await sql`
    insert into node_group (id, cluster_id, position, name, count, is_proxy, spec)
    select gen_random_uuid(), id, 0, 'all', 2, false, '{}' from cluster where project_id = 'default'`.execute(
    db,
  );
  await sql`
    insert into instance (id, cluster_id, node_group_id, index, name)
    select gen_random_uuid(), cluster_id, id, n, 'm' || n from node_group, generate_series(0, 1) as n`.execute(
    db,
  );
  await sql`
    insert into provision_step (id, cluster_id, step_name, step_type, total)
    select gen_random_uuid(), cluster_id, 'step ' || n, 'test', 1 from node_group, generate_series(1, 3) as n`.execute(
    db,
  );
  await sql`
    insert into verification (id, cluster_id, status) select gen_random_uuid(), cluster_id, 'RED' from node_group`.execute(
    db,
  );
  await sql`
    insert into verification_check (id, verification_id, position, name, status, description)
    select gen_random_uuid(), id, n, 'check', 'RED', '' from verification, generate_series(0, 1) as n`.execute(
    db,
  );
  // As PostgreSQL does by itself, a while after so many rows have come.
  await sql`analyze`.execute(db);
}, 180_000);

afterAll(async () => {
  await pool?.end();
  await controller?.stop();
});

describe('a list of 10,000 clusters', () => {
  const orders = [
    ['id', 'id'],
    ['name', 'name, id'],
    ['-created_at', 'created_at desc, id desc'],
  ] as const;
  it.each(orders)('sorted by %s has each cluster once and in order, page by page', async (sort_by, order) => {
    const { rows } = await sql<{ id: string }>`
      select id from cluster where project_id = 'default' or is_public order by ${sql.raw(order)}`.execute(
      db,
    );
    const seen: string[] = [];
    let machines = 0;
    for await (const { id, node_groups } of client.clusters.all({ limit, sort_by })) {
      seen.push(id);
      machines += node_groups.flatMap(({ instances }) => instances).length;
    }
    expect(rows).toHaveLength(own + foreignPublic);
    expect(seen).toEqual(rows.map(({ id }) => id));
    expect(machines).toBe(2 * own);
  });
});

interface Reading {
  rows: number;
  /** Of 8 KiB, of tables and indexes. */
  blocks: number;
}

/** What PostgreSQL read to answer everything that `work` asked. */
async function reading(work: () => Promise<unknown>): Promise<Reading> {
  issued = [];
  await work();
  const total: Reading = { rows: 0, blocks: 0 };
  for (const { sql: text, parameters } of issued.splice(0)) {
    const { rows } = await pool.query(`explain (analyze, buffers, format json) ${text}`, [...parameters]);
    const { Plan: plan } = rows[0]['QUERY PLAN'][0];
    total.rows += rowsRead(plan);
    total.blocks += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
  }
  return total;
}

// biome-ignore lint/suspicious/noExplicitAny: the keys are those of PostgreSQL's documentation of EXPLAIN.
function rowsRead(node: any): number {
  const below = (node.Plans ?? []).reduce((sum: number, each: unknown) => sum + rowsRead(each), 0);
  if (node['Relation Name'] === undefined) return below;
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  return below + (node['Actual Rows'] + removed) * node['Actual Loops'];
}

describe('a page', () => {
  const columns = [
    'id',
    'name',
    'plugin_name',
    'plugin_version',
    'status',
    'created_at',
    'updated_at',
  ] as const;
  const sorted = columns.flatMap((column) =>
    [false, true].map((descending) => [column, descending] as const),
  );
  const query = (sortBy: ListQuery['sortBy'], descending: boolean, projectId: string): ListQuery => ({
    ...{ projectId, sortBy, descending, limit, filters: {}, further: [], marker: null },
  });

  it.each(sorted)(
    'sorted by %s (descending: %s) reads as much as it shows, wherever it is',
    async (sortBy, descending) => {
      for (const projectId of ['default', 'small']) {
        const asked = query(sortBy, descending, projectId);
        const whole = await listPage<{ id: string }>(db, 'cluster', { ...asked, limit: null });
        const ids = whole?.rows.map(({ id }) => id) ?? [];
        expect(ids).toHaveLength(
          (projectId === 'small' ? 100 : own) + foreignPublic + (projectId === 'small' ? own / 20 : 0),
        );
        for (const place of [null, limit, ids.length / 2, ids.length - limit]) {
          const marker = place === null ? null : (ids[place - 1] ?? '');
          let page: Awaited<ReturnType<typeof listPage<{ id: string }>>> = null;
          const read = await reading(async () => {
            page = await listPage(db, 'cluster', { ...asked, marker });
          });
          const from = place ?? 0;
          expect(page).toMatchObject({ rows: ids.slice(from, from + limit).map((id) => ({ id })) });
          const where = `${projectId} at ${from}: ${JSON.stringify(read)}`;
          // The page and the one before, each from two ranges of an index, and the marker's row.
          expect(read.rows, where).toBeLessThanOrEqual(4 * (limit + 1) + 5);
          expect(read.blocks, where).toBeLessThanOrEqual(6 * limit);
        }
      }
    },
  );

  it('is shown with its parts, of which no others are read', async () => {
    const { rows } = await sql<{ id: string }>`
      select id from cluster where project_id = 'default' order by id`.execute(db);
    for (const from of [0, own / 2, own - limit]) {
      const ids = rows.slice(from, from + limit).map(({ id }) => id);
      const read = await reading(() => clusterParts(db, ids, { withEvents: true }));
      // A node group, two machines, three steps, a verification with two checks; the steps once more for their events.
      expect(read.rows, `at ${from}`).toBeLessThanOrEqual(12 * limit);
    }
  });

  it('that is narrowed to a name reads no other rows', async () => {
    const [row] = (
      await sql<{ name: string }>`select name from cluster where project_id = 'default' limit 1`.execute(db)
    ).rows;
    const narrowed = { ...query('id', false, 'default'), filters: { name: row?.name ?? '' } };
    const read = await reading(() => listPage(db, 'cluster', narrowed));
    expect(read.rows).toBeLessThanOrEqual(60);
  });
});

describe('a walk through the pages', () => {
  it('goes on where it was when the last of a page is deleted meanwhile, and says so when all of it are', async () => {
    const ids = (await client.clusters.list({ limit: 10 })).map(({ id }) => id);
    const remove = (gone: readonly string[]) =>
      db
        .deleteFrom('cluster')
        .where('id', 'in', [...gone])
        .execute();
    const seen: string[] = [];
    const walk = async () => {
      for await (const { id } of client.clusters.all({ limit: 5 })) {
        seen.push(id);
        if (seen.length === 5) await remove(ids.slice(3, 5));
        if (seen.length === 10) await remove(ids.slice(5));
      }
    };
    await expect(walk()).rejects.toMatchObject({ status: 404, errorName: 'NOT_FOUND' });
    expect(seen).toEqual(ids);
  });
});
