import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterAccess } from '../../packages/controller/src/access/cluster-access.ts';
import { RunExecutor } from '../../packages/controller/src/access/run-executor.ts';
import { RunJournal } from '../../packages/controller/src/access/run-journal.ts';
import { InventoryCloud } from '../../packages/controller/src/clouds/inventory/inventory-cloud.ts';
import type { ClusterProvisioning } from '../../packages/controller/src/clusters/cluster-provisioning.ts';
import { loadPlugins } from '../../packages/controller/src/plugins/load-plugins.ts';
import { createCluster } from '../../packages/controller/src/provisioning/create-cluster.ts';
import { createDbosEngine } from '../../packages/controller/src/provisioning/engine/dbos-engine.ts';
import type { WorkflowContext } from '../../packages/controller/src/provisioning/engine/engine.ts';
import {
  defaultMachinesAtOnce,
  MachineLimits,
} from '../../packages/controller/src/provisioning/machine-limits.ts';
import {
  beginPromisedWork,
  watchPromisedWork,
} from '../../packages/controller/src/provisioning/promised-work.ts';
import {
  type ProvisioningParts,
  registerProvisioning,
} from '../../packages/controller/src/provisioning/provisioning.ts';
import { findCluster, insertCluster, setStatus } from '../../packages/controller/src/storage/clusters.ts';
import { insertScaling, unfinishedScalings } from '../../packages/controller/src/storage/scalings.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
let parts: ProvisioningParts;
let provisioning: ClusterProvisioning;
const logged: string[] = [];

beforeAll(async () => {
  storage = await openStorage();
  const { db, secrets, events, url } = storage;
  const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
  const access = new ClusterAccess({ db, secrets, events, policy: { allowNetworks: [] }, log });
  const runs = new RunExecutor({
    access,
    secrets,
    journal: new RunJournal(db, log),
    log,
    lostContactSeconds: 3600,
  });
  const onLeaseLost = (reason: string) => expect.unreachable(reason);
  const engine = createDbosEngine({ connection: { url }, controllerId: randomUUID(), log, onLeaseLost });
  const clouds = new Map([['inventory', new InventoryCloud(db)]]);
  const plugins = await loadPlugins();
  const limits = new MachineLimits(defaultMachinesAtOnce);
  parts = { db, secrets, events, access, runs, clouds, plugins, engine, limits, log };
  provisioning = registerProvisioning(parts);
  await engine.launch();
});
afterAll(async () => {
  await parts?.engine.close(100);
  await parts?.access.close();
  await storage?.close();
});

/** A cluster of no machines: all that is not about them. */
async function insert(name: string, cloud = 'inventory'): Promise<string> {
  const row = await insertCluster(
    storage.db,
    {
      id: randomUUID(),
      project_id: 'default',
      name,
      plugin_name: 'bare',
      plugin_version: '1.0',
      cluster_template_id: null,
      cloud,
      status: 'Validating',
      is_public: false,
      is_protected: false,
      status_description: '',
      spec: '{}',
      info: '{}',
      access: '{}',
      management_public_key: null,
      management_secret_id: null,
      proxy_secret_id: null,
    },
    [],
  );
  return row?.id as string;
}

test('every step of a creation may run a second time, as it does when its end was not recorded', async () => {
  const clusterId = await insert('twice');
  const { signal } = new AbortController();
  const step: WorkflowContext['step'] = async (_name, work) => {
    await work(signal);
    return work(signal);
  };
  await createCluster(parts)({ workflowId: 'twice', step }, { clusterId });
  const { status, status_description } = (await findCluster(storage.db, clusterId)) ?? {};
  expect([status, status_description]).toEqual(['Active', '']);
});

test('the last step of a creation, when it runs a second time, does not end a scaling that has begun since', async () => {
  const { db } = storage;
  const clusterId = await insert('late');
  const { signal } = new AbortController();
  const step: WorkflowContext['step'] = async (name, work) => {
    const result = await work(signal);
    if (name !== 'activate') return result;
    await setStatus(db, clusterId, 'Validating');
    await insertScaling(db, { id: randomUUID(), clusterId, plan: { remove: [], add: [], newGroups: [] } });
    return work(signal);
  };
  await createCluster(parts)({ workflowId: 'late', step }, { clusterId });
  expect(await findCluster(db, clusterId)).toMatchObject({ status: 'Validating', status_description: '' });
});

test.each([
  ['the row of the cluster', 'cluster', 'delete'],
  ['the progress', 'provision_step', 'insert'],
])('a deletion outlasts a database that refuses %s for a while', async (_, table, action) => {
  const { db } = storage;
  const clusterId = await insert(`stubborn-${table}`);
  await setStatus(db, clusterId, 'Deleting');
  const allow = await refuse(`${action} on ${table}`);
  await provisioning.deleteCluster(clusterId);
  const told = async () => (await findCluster(db, clusterId))?.status_description ?? '';
  await expect.poll(told, { timeout: 10_000 }).toContain('not now');
  await allow();
  await expect.poll(() => findCluster(db, clusterId), { timeout: 20_000 }).toBeUndefined();
});

test('a deletion whose steps could not be recorded is begun again', async () => {
  const { db } = storage;
  const clusterId = await insert('unrecorded');
  await setStatus(db, clusterId, 'Deleting');
  logged.length = 0;
  const allow = await refuse('insert on dbos.operation_outputs');
  await provisioning.deleteCluster(clusterId);
  await expect.poll(() => logged.join(''), { timeout: 10_000 }).toContain('workflow failed');
  await allow();
  await beginPromisedWork(db, provisioning);
  await expect.poll(() => findCluster(db, clusterId), { timeout: 20_000 }).toBeUndefined();
});

test('a creation that failed says so, however long the database refuses to note it', async () => {
  const clusterId = await insert('untold', 'elsewhere');
  logged.length = 0;
  const allow = await refuse('update on cluster', "new.status = 'Error'");
  await provisioning.createCluster(clusterId);
  const refusals = () => logged.filter((line) => line.includes('not now')).length;
  await expect.poll(refusals, { timeout: 10_000 }).toBeGreaterThan(1);
  await allow();
  const status = async () => (await findCluster(storage.db, clusterId))?.status;
  await expect.poll(status, { timeout: 20_000 }).toBe('Error');
  const { status_description } = (await findCluster(storage.db, clusterId)) ?? {};
  expect(status_description).toContain("the cloud 'elsewhere' is not switched on");
});

test('a scaling that failed is taken back, however long the database refuses it', async () => {
  const { db } = storage;
  const clusterId = await insert('half-scaled');
  const nodeGroupId = randomUUID();
  const group = { cluster_id: clusterId, position: 0, name: 'worker', count: 0, is_proxy: false };
  await db
    .insertInto('node_group')
    .values({
      ...group,
      id: nodeGroupId,
      node_group_template_id: null,
      spec: '{"node_processes":["machine"]}',
    })
    .execute();
  await setStatus(db, clusterId, 'Active');
  await setStatus(db, clusterId, 'Validating');
  const id = randomUUID();
  const add = [{ nodeGroupId, index: 0, name: 'half-scaled-worker-0' }];
  await insertScaling(db, { id, clusterId, plan: { remove: [], add, newGroups: [] } });
  const allow = await refuse('update on scaling');
  await provisioning.scaleCluster(clusterId, id);
  const told = async () => (await findCluster(db, clusterId))?.status_description ?? '';
  await expect.poll(told, { timeout: 10_000 }).toContain('not now');
  await allow();
  await expect.poll(() => unfinishedScalings(db, { clusterId }), { timeout: 20_000 }).toEqual([]);
  const row = await findCluster(db, clusterId);
  expect([row?.status, row?.status_description]).toEqual([
    'Active',
    expect.stringContaining('half-scaled-worker-0 is not in the inventory'),
  ]);
});

test('what a controller stored and died before it began is begun by another, which need not start for that', async () => {
  const { db } = storage;
  const created = await insert('never-created');
  const deleted = await insert('never-deleted');
  await setStatus(db, deleted, 'Deleting');
  const scaled = await insert('never-scaled');
  const status = async (id: string) => (await findCluster(db, id))?.status;
  await provisioning.createCluster(scaled);
  await expect.poll(() => status(scaled), { timeout: 20_000 }).toBe('Active');
  await setStatus(db, scaled, 'Validating');
  const plan = { remove: [], add: [], newGroups: [] };
  await insertScaling(db, { id: randomUUID(), clusterId: scaled, plan });
  const watch = watchPromisedWork(db, provisioning, parts.log, { everyMs: 50, olderThanSeconds: 0 });
  for (const id of [created, scaled]) await expect.poll(() => status(id), { timeout: 20_000 }).toBe('Active');
  await expect.poll(() => findCluster(db, deleted), { timeout: 20_000 }).toBeUndefined();
  expect(await unfinishedScalings(db, { clusterId: scaled })).toEqual([]);
  await watch.stop();
});

/** Until what is returned is called, the database does not do this to a table. */
async function refuse(what: string, when = 'true'): Promise<() => Promise<void>> {
  const { db } = storage;
  await sql`create or replace function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not now'; end $$`.execute(db);
  await sql`create trigger refuse before ${sql.raw(what)} for each row when (${sql.raw(when)})
    execute function refuse()`.execute(db);
  return async () => {
    await sql`drop trigger refuse on ${sql.table(what.split(' ').at(-1) ?? '')}`.execute(db);
  };
}
