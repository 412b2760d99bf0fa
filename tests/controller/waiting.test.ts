import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterAccess } from '../../packages/controller/src/access/cluster-access.ts';
import { generateManagementKey } from '../../packages/controller/src/access/management-key.ts';
import { identityPurpose, writeIdentity } from '../../packages/controller/src/access/stored-identity.ts';
import { InventoryCloud } from '../../packages/controller/src/clouds/inventory/inventory-cloud.ts';
import type { ClusterWork } from '../../packages/controller/src/provisioning/cluster-work.ts';
import { waitUntilAccessible } from '../../packages/controller/src/provisioning/steps/wait-for-instances.ts';
import { insertCluster } from '../../packages/controller/src/storage/clusters.ts';
import { findOrCreateInstances } from '../../packages/controller/src/storage/instances.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
let access: ClusterAccess;
const log = pino({ level: 'silent' });
beforeAll(async () => {
  storage = await openStorage();
  access = new ClusterAccess({ ...storage, policy: { allowNetworks: ['127.0.0.1/32'] }, log });
});
afterAll(async () => {
  await access?.close();
  await storage?.close();
});

/** Where nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

test('machines that do not answer keep nobody waiting, however many they are', async () => {
  const { db, secrets, events } = storage;
  const clusterId = randomUUID();
  const nodeGroupId = randomUUID();
  const group = { id: nodeGroupId, cluster_id: clusterId, position: 0, name: 'worker', count: 80 };
  await insertCluster(
    db,
    {
      ...{ id: clusterId, project_id: 'default', name: 'slow', cluster_template_id: null, status: 'Waiting' },
      ...{ plugin_name: 'bare', plugin_version: '1.0', cloud: 'inventory', status_description: '' },
      ...{ spec: '{}', info: '{}', access: '{}', management_public_key: null, management_secret_id: null },
      ...{ proxy_secret_id: null, is_public: false, is_protected: false },
    },
    [{ ...group, is_proxy: false, node_group_template_id: null, spec: '{}' }],
  );
  const places = Array.from({ length: 80 }, (_, index) => ({
    ...{ clusterId, nodeGroupId, index, name: `slow-worker-${index}` },
  }));
  await findOrCreateInstances(db, places);
  const key = await secrets.put(identityPurpose, clusterId, writeIdentity(generateManagementKey('test')));
  const found = { management_ip: '127.0.0.1', management_port: await closedPort(), login_user: 'wadi' };
  // The last one has no address: that is known at once.
  await db
    .updateTable('instance')
    .set({ ...found, credential_secret_id: key })
    .where('index', '<', 79)
    .execute();

  const stop = new AbortController();
  const clouds = new Map([['inventory', new InventoryCloud(db)]]);
  const parts = { db, access, clouds, events, log };
  const work = { ...parts, clusterId, workflowId: 'waiting' } as unknown as ClusterWork;
  const waiting = waitUntilAccessible(work, () => true, stop.signal);
  const told = async () => {
    const rows = await db.selectFrom('provision_event').select('instance_name').execute();
    return rows.map((row) => row.instance_name);
  };
  await expect.poll(async () => (await told()).length, { timeout: 60_000 }).toBeGreaterThan(0);
  expect(await told()).toEqual(['slow-worker-79']);
  stop.abort();
  await expect(waiting).rejects.toThrow('is being deleted');
}, 90_000);
