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
  type ProvisioningParts,
  registerProvisioning,
} from '../../packages/controller/src/provisioning/provisioning.ts';
import { findCluster, insertCluster, setStatus } from '../../packages/controller/src/storage/clusters.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
let parts: ProvisioningParts;
let provisioning: ClusterProvisioning;

beforeAll(async () => {
  storage = await openStorage();
  const { db, secrets, events, url } = storage;
  const log = pino({ level: 'silent' });
  const access = new ClusterAccess({ db, secrets, events, policy: { allowNetworks: [] }, log });
  const runs = new RunExecutor({ access, secrets, journal: new RunJournal(db, log), log });
  const onLeaseLost = (reason: string) => expect.unreachable(reason);
  const engine = createDbosEngine({ connection: { url }, controllerId: randomUUID(), log, onLeaseLost });
  const clouds = new Map([['inventory', new InventoryCloud(db)]]);
  const plugins = await loadPlugins();
  parts = { db, secrets, events, access, runs, clouds, plugins, engine, log };
  provisioning = registerProvisioning(parts);
  await engine.launch();
});
afterAll(async () => {
  await parts?.engine.close(100);
  await parts?.access.close();
  await storage?.close();
});

/** A cluster of no machines: all that is not about them. */
async function insert(name: string): Promise<string> {
  const row = await insertCluster(
    storage.db,
    {
      id: randomUUID(),
      project_id: 'default',
      name,
      plugin_name: 'bare',
      plugin_version: '1.0',
      cluster_template_id: null,
      cloud: 'inventory',
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

test.each([
  ['the row of the cluster', 'cluster', 'delete'],
  ['the progress', 'provision_step', 'insert'],
])('a deletion outlasts a database that refuses %s for a while', async (_, table, action) => {
  const { db } = storage;
  const clusterId = await insert(`stubborn-${table}`);
  await setStatus(db, clusterId, 'Deleting');
  await sql`create or replace function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not now'; end $$`.execute(db);
  await sql`create trigger refuse before ${sql.raw(action)} on ${sql.table(table)}
    for each row execute function refuse()`.execute(db);
  await provisioning.deleteCluster(clusterId);
  const told = async () => (await findCluster(db, clusterId))?.status_description ?? '';
  await expect.poll(told, { timeout: 10_000 }).toContain('not now');
  await sql`drop trigger refuse on ${sql.table(table)}`.execute(db);
  await expect.poll(() => findCluster(db, clusterId), { timeout: 20_000 }).toBeUndefined();
});
