import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  appendAudit,
  listAudit,
  pruneAudit,
  verifyAudit,
} from '../../packages/controller/src/storage/audit.ts';
import { AuditLog } from '../../packages/controller/src/storage/audit-log.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
let project = '';
let number = 0;

beforeAll(async () => {
  storage = await openStorage();
});
afterAll(async () => {
  await storage?.close();
});
beforeEach(async () => {
  number += 1;
  project = `project-${number}`;
  const records = Array.from({ length: 10 }, (_, index) => ({ projectId: project, about: { index } }));
  await storage.db.transaction().execute((tx) => appendAudit(tx, records));
});

/** As somebody who owns the database and turns the triggers off. */
async function tamper(statement: ReturnType<typeof sql>): Promise<void> {
  await storage.db.transaction().execute(async (tx) => {
    await sql`alter table audit disable trigger user`.execute(tx);
    await statement.execute(tx);
    await sql`alter table audit enable trigger user`.execute(tx);
  });
}

/** Sessions that wait for another one's lock. */
async function waiting(): Promise<number> {
  const { rows } = await sql<{ count: string }>`select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(storage.db);
  return Number(rows[0]?.count);
}

describe('the audit log', () => {
  test('is intact when nobody touched it, empty or not', async () => {
    const { db } = storage;
    expect(await verifyAudit(db, project)).toEqual({ intact: true, records: 10, newest: 10, problem: null });
    expect(await verifyAudit(db, 'nobody')).toEqual({ intact: true, records: 0, newest: 0, problem: null });
  });

  test('refuses to be changed, shortened or emptied', async () => {
    for (const statement of [
      sql`update audit set record = '{}' where project_id = ${project}`,
      sql`delete from audit where project_id = ${project} and sequence = 5`,
      sql`truncate audit`,
    ])
      await expect(statement.execute(storage.db)).rejects.toThrow('only ever added to');
    expect((await verifyAudit(storage.db, project)).intact).toBe(true);
  });

  test.each([
    [
      'a changed record',
      () =>
        sql`update audit set record = replace(record, '5', '6') where project_id = ${project} and sequence = 6`,
    ],
    [
      'a changed time',
      () => sql`update audit set at = at - interval '1 day' where project_id = ${project} and sequence = 6`,
    ],
    ['a removed record', () => sql`delete from audit where project_id = ${project} and sequence = 6`],
    ['a removed first record', () => sql`delete from audit where project_id = ${project} and sequence = 1`],
    ['a removed newest record', () => sql`delete from audit where project_id = ${project} and sequence = 10`],
    ['no record at all any more', () => sql`delete from audit where project_id = ${project}`],
    [
      'an inserted record',
      () => sql`insert into audit select project_id, 11, at, record, hash, hash from audit
        where project_id = ${project} and sequence = 10`,
    ],
    [
      'a record before the first',
      () => sql`insert into audit select project_id, 0, at, record, hash, hash from audit
        where project_id = ${project} and sequence = 10`,
    ],
    [
      'two exchanged records',
      () => sql`update audit a set record = b.record, at = b.at from audit b where a.project_id = ${project}
        and b.project_id = ${project} and a.sequence + b.sequence = 9 and a.sequence in (4, 5)`,
    ],
    [
      'a record of another project',
      () => sql`update audit set project_id = 'other' where project_id = ${project} and sequence = 10`,
    ],
  ])('shows %s', async (_, statement) => {
    await tamper(statement());
    const verdict = await verifyAudit(storage.db, project);
    expect(verdict).toMatchObject({ intact: false, problem: expect.any(String) });
  });

  test('stays one chain when many write at once', async () => {
    const logs = [new AuditLog(storage.db), new AuditLog(storage.db)];
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        logs[index % 2]?.append({ projectId: index % 3 ? project : 'shared', about: { index } }),
      ),
    );
    expect((await verifyAudit(storage.db, project)).intact).toBe(true);
    expect((await verifyAudit(storage.db, 'shared')).intact).toBe(true);
    expect(await listAudit(storage.db, project, { after: 0, limit: 1000 })).toHaveLength(10 + 133);
  });

  test('is written in one project while old records of another wait to be removed', async () => {
    const { db } = storage;
    const append = (projectId: string) =>
      db.transaction().execute((tx) => appendAudit(tx, [{ projectId, about: {} }]));
    await append('a quick one');
    await append('slow');
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = db.transaction().execute(async (tx) => {
      await appendAudit(tx, [{ projectId: 'slow', about: {} }]);
      await released;
    });
    const pruning = pruneAudit(db, new Date(0));
    await expect.poll(waiting, { timeout: 10_000 }).toBeGreaterThan(0);
    await append('a quick one');
    release();
    await Promise.all([slow, pruning]);
  });

  test('forgets more records than go into one transaction', async () => {
    const { db } = storage;
    const records = Array.from({ length: 2500 }, () => ({ projectId: project, about: {} }));
    await db.transaction().execute((tx) => appendAudit(tx, records));
    const late = new Date(Date.now() + 1000);
    await pruneAudit(db, late);
    expect(await verifyAudit(db, project)).toEqual({ intact: true, records: 0, newest: 2510, problem: null });
  });

  test.each([
    ['that is no JSON', () => sql`update audit set record = '{' where project_id = ${project}`],
    ['that is null', () => sql`update audit set record = 'null' where project_id = ${project}`],
    ['at no time', () => sql`update audit set at = 'infinity' where project_id = ${project}`],
  ])('shows a record %s, whatever its hash', async (_, statement) => {
    const { db } = storage;
    await tamper(sql`${statement()} and sequence = 10`);
    const [row] = await listAudit(db, project, { after: 9, limit: 1 });
    const text = [row?.previous, project, 10, row?.record].join('\n');
    const hash = createHash('sha256').update(text).digest('hex');
    await tamper(sql`update audit set hash = ${hash} where project_id = ${project} and sequence = 10`);
    expect(await verifyAudit(db, project)).toMatchObject({ intact: false, records: 10 });
  });

  test('forgets what is too old, oldest first, and stays verifiable', async () => {
    const { db } = storage;
    const between = new Date();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await db.transaction().execute((tx) => appendAudit(tx, [{ projectId: project, about: { late: true } }]));
    await pruneAudit(db, new Date(between.getTime() + 1));
    expect(await verifyAudit(db, project)).toEqual({ intact: true, records: 1, newest: 11, problem: null });
    await pruneAudit(db, new Date(Date.now() + 1000));
    expect(await verifyAudit(db, project)).toEqual({ intact: true, records: 0, newest: 11, problem: null });
    await db.transaction().execute((tx) => appendAudit(tx, [{ projectId: project, about: {} }]));
    expect((await listAudit(db, project, { after: 0, limit: 10 })).map((row) => row.sequence)).toEqual([
      '12',
    ]);
    await tamper(sql`delete from audit where project_id = ${project}`);
    expect((await verifyAudit(db, project)).intact).toBe(false);
  });
});
