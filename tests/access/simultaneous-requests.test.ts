import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';

let wadi: Controller;
/** A session that is in the middle of something. */
let other: pg.Client;
let watcher: pg.Client;

beforeAll(async () => {
  wadi = await startController({ args: ['--sandbox'] });
  other = new pg.Client(wadi.databaseUrl ?? '');
  watcher = new pg.Client(wadi.databaseUrl ?? '');
  await Promise.all([other.connect(), watcher.connect()]);
});
afterAll(async () => {
  await other?.end();
  await watcher?.end();
  await wadi?.stop();
});

const body = {
  plugin_name: 'bare',
  plugin_version: '1.0',
  node_groups: [{ name: 'none', count: 0, flavor_id: '1', node_processes: ['machine'] }],
};

/** Until a statement of such words waits for a lock that `other` holds. */
async function isWaitedFor(words = ''): Promise<void> {
  const waiting = `select from pg_stat_activity where $1 = any (pg_blocking_pids(pid)) and query like $2`;
  const { rows } = await other.query('select pg_backend_pid() as pid');
  // Not by `other`: in a transaction it would see the same activity each time.
  while ((await watcher.query(waiting, [rows[0].pid, `%${words}%`])).rowCount === 0) await sleep(20);
}

/** Path of a new cluster of so many machines. */
async function active(name: string, count: number): Promise<string> {
  const [group] = body.node_groups;
  const wanted = { ...body, name, node_groups: [{ ...group, count, is_proxy: count > 0 }] };
  const path = `/v2/clusters/${(await wadi.request('POST', '/v2/clusters', wanted)).body.cluster.id}`;
  while ((await wadi.request('GET', path)).body.cluster.status !== 'Active') await sleep(50);
  return path;
}

it('a cluster that is being protected is not deleted', async () => {
  const path = await active('shielded', 0);
  await other.query('begin');
  await other.query('update cluster set is_protected = true where id = $1', [path.slice(-36)]);
  const deletion = wadi.request('DELETE', path);
  await isWaitedFor();
  await other.query('commit');
  expect(await deletion).toMatchObject({ status: 400, body: { error_name: 'DELETION_FAILED' } });
  expect((await wadi.request('GET', path)).body.cluster.status).toBe('Active');
});

it('several clusters and one of their names asked for at once block nobody', async () => {
  await other.query('begin');
  await other.query(
    `insert into cluster (id, project_id, name, plugin_name, plugin_version, cloud, status, is_public, is_protected, spec)
     values ($1, 'default', 'many-2', 'bare', '1.0', 'sandbox', 'Active', false, false, '{}')`,
    [randomUUID()],
  );
  const creation = wadi.request('POST', '/v2/clusters', { ...body, name: 'many', count: 2 });
  await isWaitedFor();
  await other.query(`select pg_advisory_xact_lock(hashtextextended('wadi event default', 0))`);
  await other.query('commit');
  expect(await creation).toMatchObject({ status: 400, body: { error_name: 'NAME_ALREADY_EXISTS' } });
});

it.each([
  ['without input', { command: 'true' }],
  ['with input', { command: 'true', stdin: 'x' }],
])('a run %s on a cluster that vanishes meanwhile finds no cluster', async (_, run) => {
  const path = await active('vanishing', 1);
  await other.query('begin');
  await other.query('delete from cluster where id = $1', [path.slice(-36)]);
  const started = wadi.request('POST', `${path}/runs`, run);
  await isWaitedFor('insert into');
  await other.query('commit');
  expect(await started).toMatchObject({ status: 404, body: { error_name: 'NOT_FOUND' } });
});

it.each([
  ['a run', 'runs', { command: 'true' }],
  ['an upload', 'uploads', { path: '/tmp/x', size: 1, sha256: '0'.repeat(64) }],
])(
  'a %s on a cluster that vanishes before its machines are looked up finds no cluster',
  async (_, what, asked) => {
    const path = await active('gone', 1);
    await other.query('begin');
    await other.query('lock table instance in access exclusive mode');
    const started = wadi.request('POST', `${path}/${what}`, asked);
    await isWaitedFor('select "instance".*');
    await other.query('delete from cluster where id = $1', [path.slice(-36)]);
    await other.query('commit');
    expect(await started).toMatchObject({ status: 404, body: { error_name: 'NOT_FOUND' } });
  },
);
