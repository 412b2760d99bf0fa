import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ClusterAccess } from '../../packages/controller/src/access/cluster-access.ts';
import { Verifier } from '../../packages/controller/src/provisioning/verifier.ts';
import { insertCluster } from '../../packages/controller/src/storage/clusters.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
let access: ClusterAccess;
const log = pino({ level: 'silent' });
beforeAll(async () => {
  storage = await openStorage();
  access = new ClusterAccess({ ...storage, policy: { allowNetworks: [] }, log });
});
afterAll(async () => {
  vi.useRealTimers();
  await access?.close();
  await storage?.close();
});

/** Of no machines: there is nothing to look at. */
async function insertActive(count: number): Promise<void> {
  for (let number = 0; number < count; number += 1)
    await insertCluster(
      storage.db,
      {
        ...{ id: randomUUID(), project_id: 'default', name: `c${number}`, cluster_template_id: null },
        ...{ plugin_name: 'bare', plugin_version: '1.0', cloud: 'sandbox', status: 'Active' },
        ...{ status_description: '', spec: '{}', info: '{}', access: '{}', management_public_key: null },
        ...{ management_secret_id: null, proxy_secret_id: null, is_public: false, is_protected: false },
      },
      [],
    );
}

test('all clusters whose time has come are looked at in one turn, a few at once', async () => {
  await insertActive(30);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let now = 0;
  let most = 0;
  const verifier = new Verifier({
    ...{ db: storage.db, access, log, everySeconds: 600 },
    checks: [
      async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 5));
        now -= 1;
        return [];
      },
    ],
  });
  verifier.start();
  // As long as from one turn to the next.
  vi.advanceTimersByTime(30_000);
  const verified = async () => {
    const rows = await storage.db.selectFrom('verification').select('status').execute();
    return rows.filter(({ status }) => status === 'GREEN').length;
  };
  await expect.poll(verified, { timeout: 20_000 }).toBe(30);
  await verifier.close();
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThan(10);
});
