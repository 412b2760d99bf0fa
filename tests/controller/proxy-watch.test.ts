import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  beginActing,
  clustersToWatch,
  endActing,
  noteLook,
  secondsLost,
} from '../../packages/controller/src/storage/proxy-watch.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
let id: string;

beforeAll(async () => {
  storage = await openStorage();
});
afterAll(() => storage?.close());

beforeEach(async () => {
  id = randomUUID();
  await insertCluster(id, 'Active', { promotion: 'automatic' });
});

async function insertCluster(cluster: string, status: string, access: object): Promise<void> {
  const texts = { plugin_name: 'bare', plugin_version: '1.0', cloud: 'sandbox', status_description: '' };
  const nothing = { cluster_template_id: null, management_public_key: null };
  const keys = { management_secret_id: null, proxy_secret_id: null };
  await storage.db
    .insertInto('cluster')
    .values({
      ...{ id: cluster, project_id: 'default', name: cluster, status, ...texts, ...nothing, ...keys },
      ...{ is_public: false, is_protected: false, spec: '{}', info: '{}', access: JSON.stringify(access) },
    })
    .execute();
}

/** As if everything so far had been so many seconds earlier. */
async function pass(seconds: number, columns: readonly string[] = ['usable_at', 'looked_at']): Promise<void> {
  for (const column of columns)
    await sql`update proxy_watch set ${sql.ref(column)} = ${sql.ref(column)} - make_interval(secs => ${seconds})
      where cluster_id = ${id}`.execute(storage.db);
}

describe('the clock of a cluster without a proxy', () => {
  it('begins with the first look, and runs while looks find nothing', async () => {
    expect(await noteLook(storage.db, id, false)).toBe(0);
    for (let look = 1; look <= 3; look++) {
      await pass(10);
      expect(Math.round(await noteLook(storage.db, id, false))).toBe(10 * look);
    }
    expect(Math.round(await secondsLost(storage.db, id))).toBe(30);
  });

  it('stands at nothing as long as any controller knows of one that can be used', async () => {
    await noteLook(storage.db, id, false);
    await pass(10);
    expect(await noteLook(storage.db, id, true)).toBe(0);
    await pass(5);
    expect(Math.round(await noteLook(storage.db, id, false))).toBe(5);
  });

  it('begins anew after nobody has looked: what was before is not known to have lasted', async () => {
    await noteLook(storage.db, id, false);
    await pass(3600);
    expect(await noteLook(storage.db, id, false)).toBe(0);
  });
});

it('one controller at a time acts, until it is done or too late', async () => {
  await noteLook(storage.db, id, false);
  const tries = await Promise.all([1, 2, 3].map(() => beginActing(storage.db, id, 60)));
  const [right = '', ...others] = tries.filter((each) => each !== undefined);
  expect(others).toEqual([]);
  await endActing(storage.db, id, right);
  const late = (await beginActing(storage.db, id, 60)) ?? '';
  await pass(61, ['acting_until']);
  expect(await beginActing(storage.db, id, 60)).toBeDefined();
  // Whose right ran out does not take that of another away.
  await endActing(storage.db, id, late);
  expect(await beginActing(storage.db, id, 60)).toBeUndefined();
});

it('Active clusters that allow it are watched, no others', async () => {
  const [off, unsaid, error] = [randomUUID(), randomUUID(), randomUUID()];
  await insertCluster(off, 'Active', { promotion: 'off' });
  await insertCluster(unsaid, 'Active', {});
  await insertCluster(error, 'Error', { promotion: 'automatic' });
  const watched = await clustersToWatch(storage.db);
  expect(watched).toContain(id);
  for (const other of [off, unsaid, error]) expect(watched).not.toContain(other);
});
