import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import {
  forgetSpareMachine,
  listInventoryMachines,
  takeSpareMachines,
} from '../../packages/controller/src/storage/inventory-machines.ts';
import { up as firstTables } from '../../packages/controller/src/storage/migrations/0001-first-tables.ts';
import { up as inventoryPool } from '../../packages/controller/src/storage/migrations/0008-inventory-pool.ts';
import {
  ensureScaledInstances,
  forgetInstances,
  insertScaling,
  markScalingFinished,
} from '../../packages/controller/src/storage/scalings.ts';
import { createDatabase } from '../set-up/database.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await openStorage();
});
afterAll(() => storage?.close());

/** A cluster of one node group; all its machines are spare and have the same key. */
async function pool(name: string, machines: number) {
  const { db, secrets } = storage;
  const [clusterId, nodeGroupId] = [randomUUID(), randomUUID()];
  await sql`
    insert into cluster (id, project_id, name, plugin_name, plugin_version, cloud, status, is_public, is_protected, spec)
    values (${clusterId}, 'default', ${name}, 'bare', '1.0', 'inventory', 'Active', false, false, '{}')`.execute(
    db,
  );
  await sql`
    insert into node_group (id, cluster_id, position, name, count, is_proxy, spec)
    values (${nodeGroupId}, ${clusterId}, 0, 'all', 0, false, '{}')`.execute(db);
  const key = await secrets.put('ssh-private-key', clusterId, 'a key');
  await sql`
    insert into inventory_machine
    select ${clusterId}, 'all', n, 'm' || n, '10.0.0.' || n, 22, 'u', '[]', ${key}, false, true
    from generate_series(0, ${machines - 1}) as n`.execute(db);
  const places = (...numbers: number[]) =>
    numbers.map((index) => ({ nodeGroupId, index, name: `m${index}` }));
  const take = (...numbers: number[]) =>
    db.transaction().execute((tx) => takeSpareMachines(tx, clusterId, places(...numbers)));
  const spares = async () =>
    (await listInventoryMachines(db, clusterId)).filter(({ spare }) => spare).map((each) => each.name);
  const hasKey = () =>
    secrets.get(key).then(
      () => true,
      () => false,
    );
  return { db, clusterId, places, take, spares, hasKey };
}

describe('the pool of an imported cluster', () => {
  it('gives a machine to one of those who ask, or nothing at all', async () => {
    const { take, spares } = await pool('race', 3);
    const ends = await Promise.allSettled([take(0, 1), take(1, 2), take(0, 1), take(1)]);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await spares()).length).toBe(ends[3]?.status === 'fulfilled' ? 2 : 1);
  });

  it('has each machine once, in use or spare, although every step is done twice; the key goes with the last', async () => {
    const { db, clusterId, places, take, spares, hasKey } = await pool('twice', 2);
    await take(0, 1);
    expect(await spares()).toEqual([]);
    for (let time = 0; time < 2; time += 1) await ensureScaledInstances(db, clusterId, places(0, 1));
    const rows = await db.selectFrom('instance').selectAll().where('cluster_id', '=', clusterId).execute();
    expect(rows.map(({ name }) => name).sort()).toEqual(['m0', 'm1']);
    const { credential_secret_id: key } = (await listInventoryMachines(db, clusterId))[0] ?? {};
    await db
      .updateTable('instance')
      .set({ credential_secret_id: key ?? null, host_keys: '["k"]', host_key_source: 'first-contact' })
      .where('name', '=', 'm0')
      .execute();
    const ids = rows.map(({ id }) => id);
    for (let time = 0; time < 2; time += 1) await forgetInstances(db, clusterId, ids);
    expect(await spares()).toEqual(['m0', 'm1']);
    const machines = await listInventoryMachines(db, clusterId);
    expect(machines.map((each) => [each.host_keys, each.host_key_source])).toEqual([
      [['k'], 'first-contact'],
      [[], null],
    ]);
    for (const machine of machines) {
      expect(await hasKey()).toBe(true);
      await forgetSpareMachine(db, machine);
    }
    expect(await hasKey()).toBe(false);
  });

  it('has at the end of a scaling what was taken and not used', async () => {
    const { db, clusterId, places, take, spares } = await pool('unused', 3);
    const id = randomUUID();
    await insertScaling(db, { id, clusterId, plan: { remove: [], add: places(0, 1), newGroups: [] } });
    await take(0, 1);
    await ensureScaledInstances(db, clusterId, places(0));
    for (let time = 0; time < 2; time += 1)
      await db.transaction().execute((tx) => markScalingFinished(tx, { id, clusterId }));
    expect(await spares()).toEqual(['m1', 'm2']);
  });
});

it('machines that were imported before there were pools are in use, and tell proxies and known keys from others', async () => {
  const connections = openPool({ url: (await createDatabase()).url }, 2, () => {});
  try {
    const db = openDatabase(connections);
    await firstTables(db as never);
    const id = randomUUID();
    await sql`insert into project (id, name) values ('default', 'default')`.execute(db);
    await sql`
      insert into cluster (id, project_id, name, plugin_name, plugin_version, cloud, status, is_public, is_protected, spec)
      values (${id}, 'default', 'old', 'bare', '1.0', 'inventory', 'Active', false, false, '{}')`.execute(db);
    await sql`
      insert into node_group (id, cluster_id, position, name, count, is_proxy, spec) values
        (gen_random_uuid(), ${id}, 0, 'gate', 1, true, '{}'), (gen_random_uuid(), ${id}, 1, 'db', 1, false, '{}')`.execute(
      db,
    );
    await sql`
      insert into inventory_machine values
        (${id}, 'gate', 0, 'g', '10.0.0.1', 22, 'u', '["k"]', gen_random_uuid()),
        (${id}, 'db', 0, 'd', '10.0.0.2', 22, 'u', '[]', gen_random_uuid())`.execute(db);
    await inventoryPool(db as never);
    expect(await listInventoryMachines(db, id)).toMatchObject([
      { name: 'd', is_proxy: false, spare: false, host_key_source: null },
      { name: 'g', is_proxy: true, spare: false, host_key_source: 'given' },
    ]);
  } finally {
    await connections.end();
  }
});
