import { randomUUID } from 'node:crypto';
import type { ClusterStatus } from '@wadi/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findCluster, insertCluster, setStatus } from '../../packages/controller/src/storage/clusters.ts';
import { addStepEvents, beginStep } from '../../packages/controller/src/storage/provision-progress.ts';
import {
  beginVerification,
  findVerifications,
  finishVerification,
} from '../../packages/controller/src/storage/verifications.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await openStorage();
});
afterAll(async () => {
  await storage?.close();
});

/** PostgreSQL keeps neither NUL nor, in JSON, half of a surrogate pair, which is what is left of an emoji that was cut. */
const said = 'a\0b and half of \u{1f422}'.slice(0, -1);
const kept = 'a\ufffdb and half of \ufffd';

async function cluster(status: ClusterStatus): Promise<string> {
  const id = randomUUID();
  const row = {
    ...{ id, project_id: 'default', name: `c${id}`, plugin_name: 'bare', plugin_version: '1.0', status },
    ...{ cluster_template_id: null, cloud: 'sandbox', status_description: '', spec: '{}', info: '{}' },
    ...{ access: '{}', management_public_key: null, management_secret_id: null, proxy_secret_id: null },
    ...{ is_public: false, is_protected: false },
  };
  await insertCluster(storage.db, row, []);
  return id;
}

test('why a cluster failed is kept whatever a machine said, or nobody would ever learn that it did', async () => {
  const id = await cluster('Waiting');
  expect(await setStatus(storage.db, id, 'Error', said)).toBe('changed');
  expect(await setStatus(storage.db, id, 'Error', said)).toBe('unchanged');
  expect(await findCluster(storage.db, id)).toMatchObject({ status: 'Error', status_description: kept });
});

test('an event is kept whatever a machine said', async () => {
  const clusterId = randomUUID();
  await storage.events.append({
    projectId: 'default',
    clusterId,
    type: 'test',
    body: { said, list: [said] },
  });
  const [event] = await storage.events.list({ projectId: 'default', clusterId });
  expect(event?.body).toEqual({ said: kept, list: [kept] });
});

test('so is what happened in a step, and what a verification found', async () => {
  const clusterId = await cluster('Active');
  const { db } = storage;
  const about = {
    clusterId,
    workflowId: 'w',
    name: 'Run instances',
    type: 'Engine: create cluster',
    total: 1,
  };
  const instance = { id: randomUUID(), name: 'one', nodeGroupId: randomUUID() };
  const step = await beginStep(db, about);
  await addStepEvents(db, step, [{ instance, successful: false, info: said }]);
  expect(await db.selectFrom('provision_event').select('event_info').execute()).toEqual([
    { event_info: kept },
  ]);

  const id = await beginVerification(db, clusterId, { staleSeconds: 60 });
  await finishVerification(db, id ?? '', 'RED', [{ name: 'Check', status: 'RED', description: said }]);
  const { status, checks } = (await findVerifications(db, [clusterId])).get(clusterId) ?? {};
  expect([status, checks?.map(({ description }) => description)]).toEqual(['RED', [kept]]);
});
