import { randomUUID } from 'node:crypto';
import { type ClusterStatus, clusterStatuses } from '@wadi/api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayBecome } from '../../packages/controller/src/clusters/cluster-status.ts';
import {
  clusterIdsInStatus,
  findCluster,
  insertCluster,
  setStatus,
  updateCluster,
} from '../../packages/controller/src/storage/clusters.ts';
import { type Database, openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import { migrate } from '../../packages/controller/src/storage/migrate.ts';
import { createDatabase } from '../set-up/database.ts';

let db: Database;
beforeAll(async () => {
  db = openDatabase(openPool({ url: (await createDatabase()).url }, 10, () => {}));
  await migrate(db);
  await db.insertInto('project').values({ id: 'p', name: 'p' }).execute();
});
afterAll(() => db?.destroy());

async function cluster(status: ClusterStatus): Promise<string> {
  const id = randomUUID();
  const row = {
    ...{ id, project_id: 'p', name: `c${id}`, plugin_name: 'bare', plugin_version: '1.0', status },
    ...{ cluster_template_id: null, cloud: 'sandbox', status_description: '', spec: '{}', info: '{}' },
    ...{ access: '{}', management_public_key: null, management_secret_id: null, proxy_secret_id: null },
    ...{ is_public: false, is_protected: false },
  };
  await insertCluster(db, row, []);
  return id;
}

describe('the status of a stored cluster', () => {
  it('goes the ways that the states allow, and no other', async () => {
    const status = fc.constantFrom(...clusterStatuses);
    await fc.assert(
      fc.asyncProperty(status, fc.array(status, { maxLength: 6 }), async (first, further) => {
        const id = await cluster(first);
        let current = first;
        for (const next of further) {
          const change = setStatus(db, id, next);
          if (current === next) expect(await change).toBe('unchanged');
          else if (current === 'Deleting') expect(await change).toBe('deleting');
          else if (mayBecome(current, next)) {
            expect(await change).toBe('changed');
            current = next;
          } else await expect(change).rejects.toThrow(`from ${current} to ${next}`);
          expect((await findCluster(db, id))?.status).toBe(current);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is Deleting for good once somebody said so, however many others write at once', async () => {
    const id = await cluster('Validating');
    const way = ['InfraUpdating', 'Spawning', 'Waiting', 'Preparing', 'Configuring', 'Starting'] as const;
    const forward = (async () => {
      for (const status of way) if ((await setStatus(db, id, status)) === 'deleting') return;
    })();
    const deletions = Array.from({ length: 8 }, () => setStatus(db, id, 'Deleting'));
    const outcomes = await Promise.all(deletions);
    await forward;
    expect(outcomes.filter((outcome) => outcome === 'changed')).toHaveLength(1);
    expect((await findCluster(db, id))?.status).toBe('Deleting');
  });

  it('counts its changes, and keeps the description of the last', async () => {
    const id = await cluster('Validating');
    await setStatus(db, id, 'Spawning');
    await setStatus(db, id, 'Error', 'why');
    await setStatus(db, id, 'Error', 'why');
    expect(await findCluster(db, id)).toMatchObject({
      status: 'Error',
      status_description: 'why',
      revision: 3,
    });
    await updateCluster(db, id, { name: 'renamed' });
    expect(await findCluster(db, id)).toMatchObject({ name: 'renamed', revision: 3 });
  });

  it('of a cluster that is gone cannot be set', async () => {
    expect(await setStatus(db, randomUUID(), 'Active')).toBe('gone');
  });

  it('finds the clusters whose work was never begun', async () => {
    const id = await cluster('AwaitingTermination');
    expect(await clusterIdsInStatus(db, ['AwaitingTermination'])).toContain(id);
    expect(await clusterIdsInStatus(db, ['Adding Instances'])).not.toContain(id);
  });
});
