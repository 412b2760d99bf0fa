import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await openStorage();
});
afterAll(async () => {
  await storage?.close();
});

const event = (clusterId: string, n = 0) => ({ projectId: 'default', clusterId, type: 'test', body: { n } });

test('events come in order, after the one that was seen last', async () => {
  const clusterId = randomUUID();
  for (let n = 0; n < 5; n++) await storage.events.append(event(clusterId, n));
  const all = await storage.events.list({ projectId: 'default', clusterId });
  expect(all.map(({ body }) => body.n)).toEqual([0, 1, 2, 3, 4]);
  const rest = await storage.events.list({ projectId: 'default', clusterId, after: all[2]?.sequence ?? '' });
  expect(rest.map(({ body }) => body.n)).toEqual([3, 4]);
  expect(await storage.events.list({ projectId: 'default', clusterId, limit: 2 })).toHaveLength(2);
  expect(await storage.events.list({ projectId: 'other', clusterId })).toEqual([]);
});

test('an event is there exactly when the change is', async () => {
  const clusterId = randomUUID();
  await storage.db
    .transaction()
    .execute(async (tx) => {
      await storage.events.append(event(clusterId), tx);
      throw new Error('the change failed');
    })
    .catch(() => {});
  expect(await storage.events.list({ projectId: 'default', clusterId })).toEqual([]);
});

test('a reader that resumes misses none of those written at once', async () => {
  const clusterId = randomUUID();
  const written = 60;
  const writing = Promise.all(
    Array.from({ length: written }, async (_, n) => {
      await storage.db.transaction().execute(async (tx) => {
        await storage.events.append(event(clusterId, n), tx);
        // Later ones must not become visible first.
        await sleep(Math.random() * 20);
      });
    }),
  );
  const seen: unknown[] = [];
  let after = '0';
  while (seen.length < written) {
    const events = await storage.events.list({ projectId: 'default', clusterId, after, wait: 10_000 });
    expect(events.length).toBeGreaterThan(0);
    seen.push(...events.map(({ body }) => body.n));
    after = events.at(-1)?.sequence ?? after;
  }
  await writing;
  expect(new Set(seen).size).toBe(written);
});

test('waiting ends with the next event, with time, or with the caller', async () => {
  const clusterId = randomUUID();
  const waiting = storage.events.list({ projectId: 'default', clusterId, wait: 30_000 });
  await sleep(100);
  await storage.events.append(event(clusterId, 7));
  expect((await waiting).map(({ body }) => body.n)).toEqual([7]);

  const nobody = randomUUID();
  expect(await storage.events.list({ projectId: 'default', clusterId: nobody, wait: 50 })).toEqual([]);
  const abort = new AbortController();
  const aborted = storage.events.list({
    projectId: 'default',
    clusterId: nobody,
    wait: 30_000,
    signal: abort.signal,
  });
  abort.abort();
  expect(await aborted).toEqual([]);
});

test('waiters notice events also after the connection that listens was lost', async () => {
  const clusterId = randomUUID();
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen%'`.execute(storage.db);
  await storage.events.append(event(clusterId, 1));
  const [first] = await storage.events.list({ projectId: 'default', clusterId, wait: 30_000 });
  expect(first?.body.n).toBe(1);
  const waiting = storage.events.list({
    projectId: 'default',
    clusterId,
    after: first?.sequence ?? '',
    wait: 30_000,
  });
  await sleep(50);
  await storage.events.append(event(clusterId, 2));
  expect((await waiting).map(({ body }) => body.n)).toEqual([2]);
});

test('emitting never throws: a failure is told to whoever listens', async () => {
  storage.events.emit({ ...event(randomUUID()), projectId: 'there is no such project' });
  await expect.poll(() => storage.failures.length).toBe(1);
});
