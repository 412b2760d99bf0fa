import { randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterReach } from '../../packages/controller/src/access/cluster-reach.ts';
import type { RunTarget } from '../../packages/controller/src/access/run-executor.ts';
import { RunJournal } from '../../packages/controller/src/access/run-journal.ts';
import { InventoryCloud } from '../../packages/controller/src/clouds/inventory/inventory-cloud.ts';
import { openEventLog } from '../../packages/controller/src/events/event-log.ts';
import { type AdoptParts, adoptOrphanedRuns } from '../../packages/controller/src/provisioning/adopt-runs.ts';
import type { ClusterWork } from '../../packages/controller/src/provisioning/cluster-work.ts';
import { removeCluster } from '../../packages/controller/src/provisioning/steps/remove-cluster.ts';
import { watchCancellations } from '../../packages/controller/src/provisioning/watch-cancellations.ts';
import { watchOrphans } from '../../packages/controller/src/provisioning/watch-orphans.ts';
import { insertToken, revokeToken } from '../../packages/controller/src/storage/api-tokens.ts';
import { listAudit } from '../../packages/controller/src/storage/audit.ts';
import { type Database, openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import { migrate } from '../../packages/controller/src/storage/migrate.ts';
import { PostgresNotifications } from '../../packages/controller/src/storage/notifications.ts';
import { appendOutput, readOutput } from '../../packages/controller/src/storage/run-output.ts';
import {
  cancelChannel,
  findRun,
  holdRuns,
  insertRun,
  listTargets,
  type NewRun,
  type RunRow,
  requestCancellation,
  settleRun,
  type TargetResult,
} from '../../packages/controller/src/storage/runs.ts';
import { createDatabase } from '../set-up/database.ts';

const log = pino({ level: 'silent' });
const clusterId = randomUUID();
let url: string;
let pool: ReturnType<typeof openPool>;
let db: Database;
let journal: RunJournal;

beforeAll(async () => {
  ({ url } = await createDatabase());
  pool = openPool({ url }, 10, () => {});
  db = openDatabase(pool);
  await migrate(db);
  await db.insertInto('project').values({ id: 'p', name: 'p' }).execute();
  await db
    .insertInto('cluster')
    .values({
      id: clusterId,
      project_id: 'p',
      name: 'c',
      plugin_name: 'bare',
      plugin_version: '1.0',
      cluster_template_id: null,
      cloud: 'inventory',
      status: 'Active',
      status_description: '',
      is_public: false,
      is_protected: false,
      spec: '{}',
      info: '{}',
      access: '{}',
      management_public_key: null,
      management_secret_id: null,
      proxy_secret_id: null,
    })
    .execute();
});
afterAll(() => pool.end());
beforeEach(() => {
  journal = new RunJournal(db, log);
});

async function newRun(targets = 1, owner = 'me'): Promise<NewRun> {
  const run: NewRun = {
    id: randomUUID(),
    projectId: 'p',
    clusterId,
    digest: 'd',
    command: ['true'],
    asRoot: false,
    inputSecretId: null,
    timeoutSeconds: null,
    maxOutputBytes: 1 << 20,
    owner,
    targets: Array.from({ length: targets }, (_, i) => ({ id: randomUUID(), name: `m-${i}` })),
  };
  expect(await insertRun(db, run)).toMatchObject({ id: run.id });
  return run;
}

const ended = { stdoutBytes: 0, stderrBytes: 0, truncated: false, status: 'succeeded' } as const;

describe('the journal of runs', () => {
  it('lets each target be claimed once, whoever asks and however often', async () => {
    const run = await newRun(50);
    const other = new RunJournal(db, log);
    const claims = run.targets.flatMap(({ id }) =>
      [journal, other, journal].map((each) =>
        each.claim({ runId: run.id, instanceId: id, route: 'r', bootId: 'b' }),
      ),
    );
    const won = await Promise.all(claims);
    for (const [i] of run.targets.entries())
      expect(won.slice(i * 3, i * 3 + 3).filter(Boolean)).toHaveLength(1);
  });

  it('keeps every byte of many streams at once, in order, in chunks of at most 64 KiB', async () => {
    const run = await newRun(20);
    const written = await Promise.all(
      run.targets.map(async ({ id: instanceId }, i) => {
        const pieces = Array.from({ length: 60 }, (_, n) =>
          randomBytes(1 + ((n * 7919 + i * 104_729) % 32_768)),
        );
        let offset = 0;
        for (const bytes of pieces) {
          await journal.append({ runId: run.id, instanceId, stream: 'stdout', offset, bytes });
          offset += bytes.length;
        }
        await journal.finish({ ...ended, runId: run.id, instanceId, stdoutBytes: offset });
        return Buffer.concat(pieces);
      }),
    );
    for (const [i, { id: instanceId }] of run.targets.entries()) {
      const source = { runId: run.id, instanceId, stream: 'stdout' } as const;
      const whole = await readOutput(db, source, 0, 1 << 30);
      expect(whole.equals(written[i] ?? Buffer.alloc(0))).toBe(true);
      const part = await readOutput(db, source, 70_001, 100_003);
      expect(part.equals(whole.subarray(70_001, 170_004))).toBe(true);
    }
    const chunks = await db.selectFrom('run_output').select('chunk').where('run_id', '=', run.id).execute();
    expect(Math.max(...chunks.map(({ chunk }) => chunk.length))).toBeLessThanOrEqual(65_536);
  });

  it('commits a result with all output before it, and nothing overwrites it', async () => {
    const run = await newRun();
    const target = { runId: run.id, instanceId: run.targets[0]?.id ?? '' };
    void journal.append({ ...target, stream: 'stderr', offset: 0, bytes: Buffer.from('tail') });
    await journal.finish({ ...ended, ...target, status: 'failed', exitStatus: 1, stderrBytes: 4 });
    expect(await readOutput(db, { ...target, stream: 'stderr' }, 0, 10)).toEqual(Buffer.from('tail'));
    await journal.finish({ ...ended, ...target });
    expect(await listTargets(db, [run.id])).toMatchObject([{ status: 'failed', exit_status: 1 }]);
    await journal.end(run.id, 'finished');
    expect(await findRun(db, run.id)).toMatchObject({ status: 'finished', input_secret_id: null });
  });

  it('makes those who bring too much wait', async () => {
    const run = await newRun();
    const target = { runId: run.id, instanceId: run.targets[0]?.id ?? '', stream: 'stdout' } as const;
    const bytes = Buffer.alloc(1 << 20);
    let waited = 0;
    for (let n = 0; n < 24; n++) {
      const full = journal.append({ ...target, offset: n * bytes.length, bytes });
      if (full) waited += 1;
      await full;
    }
    expect(waited).toBeGreaterThan(0);
    await journal.finish({ ...ended, ...target, stdoutBytes: 24 << 20 });
    expect((await readOutput(db, target, 23 << 20, 1 << 30)).length).toBe(1 << 20);
  });

  it('keeps whatever a machine calls its end, and the ends of others with it', async () => {
    const [hostile, kept] = [await newRun(), await newRun()];
    const [a, b] = [hostile, kept].map((run) => ({
      ...ended,
      runId: run.id,
      instanceId: run.targets[0]?.id ?? '',
    })) as [TargetResult, TargetResult];
    const error = { message: 'x\0y', hint: '\ud800' };
    await Promise.all([
      journal.finish({ ...a, exitStatus: 0xffff_ffff, signal: 'K\0ILL', error }),
      journal.finish(b),
    ]);
    expect((await listTargets(db, [hostile.id]))[0]).toMatchObject({
      exit_status: -1,
      signal: 'K\ufffdILL',
      error: { message: 'x\ufffdy', hint: '\ufffd' },
    });
    expect((await listTargets(db, [kept.id]))[0]).toMatchObject({ status: 'succeeded' });
  });

  it('drops the output of a run that was removed, and keeps that of others', async () => {
    const [gone, kept] = [await newRun(), await newRun()];
    await db.deleteFrom('run').where('id', '=', gone.id).execute();
    const [a, b] = [gone, kept].map((run) => ({ runId: run.id, instanceId: run.targets[0]?.id ?? '' })) as [
      { runId: string; instanceId: string },
      { runId: string; instanceId: string },
    ];
    void journal.append({ ...a, stream: 'stdout', offset: 0, bytes: Buffer.from('x') });
    void journal.append({ ...b, stream: 'stdout', offset: 0, bytes: Buffer.from('y') });
    await Promise.all([journal.finish({ ...ended, ...a }), journal.finish({ ...ended, ...b })]);
    expect((await readOutput(db, { ...b, stream: 'stdout' }, 0, 10)).toString()).toBe('y');
  });
});

describe('what the database refuses', () => {
  async function refuse(when: string, state: string) {
    await sql`create sequence refusals`.execute(db);
    await sql
      .raw(`create function refuse() returns trigger language plpgsql as $$ begin
        if ${when} then raise exception 'refused' using errcode = '${state}'; end if;
        return new; end $$`)
      .execute(db);
    await sql`create trigger refuse before insert on run_output for each row execute function refuse()`.execute(
      db,
    );
  }
  afterEach(async () => {
    await sql`drop trigger refuse on run_output`.execute(db);
    await sql`drop function refuse`.execute(db);
    await sql`drop sequence refusals`.execute(db);
  });

  it('is tried until it is taken when it is for lack of room, however often that is', async () => {
    await refuse("nextval('refusals') <= 6", '53100');
    const run = await newRun();
    const target = { runId: run.id, instanceId: run.targets[0]?.id ?? '' };
    void journal.append({ ...target, stream: 'stdout', offset: 0, bytes: Buffer.from('kept') });
    expect(await journal.finish({ ...ended, ...target, stdoutBytes: 4 })).toBe(true);
    expect((await readOutput(db, { ...target, stream: 'stdout' }, 0, 10)).toString()).toBe('kept');
  });

  it('leaves its target as it is, which no result hides, and is nothing to the others', async () => {
    const [bad, good] = [await newRun(), await newRun()];
    await refuse(`new.run_id = '${bad.id}'`, 'P0001');
    const [a, b] = [bad, good].map((run) => ({ runId: run.id, instanceId: run.targets[0]?.id ?? '' })) as [
      { runId: string; instanceId: string },
      { runId: string; instanceId: string },
    ];
    for (const each of [a, b])
      void journal.append({ ...each, stream: 'stdout', offset: 0, bytes: Buffer.from('x') });
    const results = await Promise.allSettled([a, b].map((each) => journal.finish({ ...ended, ...each })));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    await expect(journal.committed(a)).rejects.toThrow('refused');
    await expect(journal.finish({ ...ended, ...a, status: 'unknown' })).rejects.toThrow('refused');
    expect(await listTargets(db, [bad.id])).toMatchObject([{ status: 'pending' }]);
    expect(await listTargets(db, [good.id])).toMatchObject([{ status: 'succeeded' }]);
    expect((await readOutput(db, { ...b, stream: 'stdout' }, 0, 10)).toString()).toBe('x');
  }, 60_000);
});

describe('a run whose caller may not do it any more', () => {
  async function askedFor(asRoot: boolean, role: 'member' | 'admin') {
    const token = await insertToken(db, {
      id: randomUUID(),
      project_id: 'p',
      name: 'short',
      role,
      hash: randomUUID(),
      expires_at: null,
    });
    const run = { ...(await newRun(0)), id: randomUUID(), asRoot, askedBy: { token_id: token.id, role } };
    const targets = ['begun', 'waiting'].map((name) => ({ id: randomUUID(), name }));
    await insertRun(db, { ...run, targets });
    const claim = (index: number) =>
      journal.claim({ runId: run.id, instanceId: targets[index]?.id ?? '', route: 'r', bootId: 'b' });
    return { token, run, claim };
  }
  const grantRoot = (member_root: boolean) => db.updateTable('project').set({ member_root }).execute();
  afterAll(() => grantRoot(false));

  it('begins nothing further when its token was revoked; what has begun goes on', async () => {
    const { token, run, claim } = await askedFor(false, 'admin');
    expect(await claim(0)).toBe(true);
    await revokeToken(db, token.id, null);
    expect(await claim(1)).toBe(false);
    expect(await listTargets(db, [run.id])).toMatchObject([
      { status: 'running', error: null },
      { status: 'cancelled', route: null, error: { code: 'FORBIDDEN', retryable: false } },
    ]);
    const records = (await listAudit(db, 'p', { after: 0, limit: 1000 }))
      .map(({ record }) => JSON.parse(record) as Record<string, unknown>)
      .filter((record) => record.id === run.id)
      .map(({ instance, phase, status }) => [instance, phase, status]);
    expect(records).toEqual([
      ['begun', 'begin', undefined],
      ['waiting', 'end', 'cancelled'],
    ]);
  });

  it('begins nothing further as root when the project does not grant it any more', async () => {
    await grantRoot(true);
    const member = await askedFor(true, 'member');
    const admin = await askedFor(true, 'admin');
    const plain = await askedFor(false, 'member');
    expect(await member.claim(0)).toBe(true);
    await grantRoot(false);
    expect(await Promise.all([member, admin, plain].map(({ claim }) => claim(1)))).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe('runs of a controller that is gone', () => {
  it('are taken over: what is left of them, from what is stored on, by one controller', async () => {
    const run = await newRun(3, 'a dead one');
    const [first, second, third] = run.targets.map(({ id }) => ({ runId: run.id, instanceId: id }));
    if (!first || !second || !third) throw new Error('unreachable');
    await journal.claim({ ...first, route: 'r', bootId: 'b' });
    void journal.append({ ...first, stream: 'stdout', offset: 0, bytes: Buffer.from('12345') });
    await journal.finish({ ...ended, ...second });
    const [me, you] = [adopter('me'), adopter('you')];
    const { lockKey } = await import('../../packages/controller/src/provisioning/engine/lease.ts');
    const leases = await pool.connect();
    for (const living of ['me', 'you']) await leases.query('select pg_advisory_lock($1)', [lockKey(living)]);
    await Promise.all([adoptOrphanedRuns(me.parts), adoptOrphanedRuns(you.parts)]);
    await leases.query('select pg_advisory_unlock_all()');
    leases.release();
    const adopted = [...me.adopted, ...you.adopted].filter((each) => each.run.id === run.id);
    expect(adopted).toHaveLength(1);
    const begins = adopted[0]?.targets.map(({ instance, begin }) => [instance.id, begin]);
    expect(new Map(begins as [string, unknown][])).toEqual(
      new Map([
        [first.instanceId, { claimed: true, offsets: { stdout: 5, stderr: 0 } }],
        [third.instanceId, { claimed: false, offsets: { stdout: 0, stderr: 0 } }],
      ]),
    );
    // The dead one was only frozen, and wakes.
    const dead = new RunJournal(db, log, 'a dead one');
    expect(await dead.claim({ ...third, route: 'r', bootId: 'b' })).toBe(false);
    void dead.append({ ...first, stream: 'stdout', offset: 5, bytes: Buffer.from('6') });
    expect(await dead.finish({ ...ended, ...first })).toBe(false);
    expect((await listTargets(db, [run.id])).map(({ status }) => status).sort()).toEqual([
      'pending',
      'running',
      'succeeded',
    ]);
    expect((await readOutput(db, { ...first, stream: 'stdout' }, 0, 10)).toString()).toBe('12345');
    const owner = adopted[0]?.run.owner ?? '';
    expect(await new RunJournal(db, log, owner).claim({ ...third, route: 'r', bootId: 'b' })).toBe(true);
  });

  it('wait for what their controller is about to write when it only stands still', async () => {
    const run = await newRun(1, 'a frozen one');
    const target = { runId: run.id, instanceId: run.targets[0]?.id ?? '' };
    const { parts, adopted } = adopter('me');
    await db.transaction().execute(async (frozen) => {
      expect((await holdRuns(frozen, [run.id], 'a frozen one')).has(run.id)).toBe(true);
      await adoptOrphanedRuns(parts);
      expect(adopted.filter((each) => each.run.id === run.id)).toEqual([]);
      await appendOutput(frozen, [{ ...target, stream: 'stdout', offset: 0, bytes: Buffer.from('late') }]);
    });
    await adoptOrphanedRuns(parts);
    const begins = adopted.filter((each) => each.run.id === run.id).flatMap(({ targets }) => targets);
    expect(begins).toMatchObject([{ begin: { claimed: false, offsets: { stdout: 4, stderr: 0 } } }]);
    expect((await holdRuns(db, [run.id], 'a frozen one')).has(run.id)).toBe(false);
  });

  it('are taken over although the first look at their cluster fails', async () => {
    const run = await newRun(1, 'another dead one');
    const { parts, adopted } = adopter('me');
    let looks = 0;
    const reach: typeof parts.access.reach = async (cluster) => {
      looks += 1;
      if (looks === 1) throw new Error('Connection terminated unexpectedly');
      return parts.access.reach(cluster);
    };
    await adoptOrphanedRuns({ ...parts, access: { reach } });
    expect(adopted.filter((each) => each.run.id === run.id)).toHaveLength(1);
    expect(await listTargets(db, [run.id])).toMatchObject([{ status: 'pending' }]);
  });

  it('stay to be taken over while their cluster cannot be looked at', async () => {
    const run = await newRun(1, 'one that died while the database was away');
    const { parts, adopted } = adopter('me');
    const reach: typeof parts.access.reach = async () => {
      throw new Error('Connection terminated unexpectedly');
    };
    await adoptOrphanedRuns({ ...parts, access: { reach } });
    expect(await listTargets(db, [run.id])).toMatchObject([{ status: 'pending' }]);
    await adoptOrphanedRuns(parts);
    expect(adopted.filter((each) => each.run.id === run.id)).toHaveLength(1);
  });

  it('are settled after what their controller is just writing, and keep nobody from writing it', async () => {
    const run = await newRun(1, 'a living one');
    const target = { runId: run.id, instanceId: run.targets[0]?.id ?? '' };
    let settling: Promise<void> | undefined;
    await db.transaction().execute(async (tx) => {
      await holdRuns(tx, [run.id], null);
      settling = db
        .transaction()
        .execute((other) => settleRun(other, run.id, { unknown: {}, cancelled: {} }));
      const waits = sql<{ waits: boolean }>`select exists (select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock') as waits`;
      await expect.poll(async () => (await waits.execute(db)).rows[0]?.waits).toBe(true);
      await appendOutput(tx, [{ ...target, stream: 'stdout', offset: 0, bytes: Buffer.from('late') }]);
    });
    await settling;
    expect(await listTargets(db, [run.id])).toMatchObject([{ status: 'cancelled', stdout_bytes: '4' }]);
  });

  it('are cancelled by whoever has them, when anybody was asked to', async () => {
    const [mine, orphan] = [await newRun(1, 'me'), await newRun(1, 'a cancelled dead one')];
    const cancelled: string[] = [];
    const notifications = await PostgresNotifications.open({ url }, [cancelChannel]);
    const executor = { cancel: (id: string) => cancelled.push(id) > 0 };
    const uploads = { endCancelled: async () => {} };
    const watch = watchCancellations({ db, notifications, executor, uploads, controllerId: 'me', log });
    for (const run of [mine, orphan]) expect(await requestCancellation(db, run.id)).toBe(true);
    await expect.poll(() => cancelled).toContain(mine.id);
    expect(cancelled).not.toContain(orphan.id);
    await watch.stop();
    await notifications.close();
    const { parts, adopted } = adopter('me');
    await adoptOrphanedRuns(parts);
    expect(adopted.find((each) => each.run.id === orphan.id)?.run.cancelled_at).toBeInstanceOf(Date);
    await journal.finish({ ...ended, runId: mine.id, instanceId: mine.targets[0]?.id ?? '' });
    await journal.end(mine.id, 'finished');
    expect(await requestCancellation(db, mine.id)).toBe(false);
  });

  it('have an end in the audit log when their cluster is removed before they are settled', async () => {
    const id = randomUUID();
    const own = await db
      .selectFrom('cluster')
      .selectAll()
      .where('id', '=', clusterId)
      .executeTakeFirstOrThrow();
    const json = { spec: '{}', info: '{}', access: '{}' };
    await db
      .insertInto('cluster')
      .values({ ...own, ...json, id, name: 'short-lived' })
      .execute();
    const run = { ...(await newRun(0)), id: randomUUID(), clusterId: id, owner: 'on another computer' };
    const targets = ['started', 'waiting'].map((name) => ({ id: randomUUID(), name }));
    await insertRun(db, { ...run, targets });
    await journal.claim({ runId: run.id, instanceId: targets[0]?.id ?? '', route: 'r', bootId: 'b' });
    const work = {
      db,
      clusterId: id,
      clouds: new Map([['inventory', new InventoryCloud(db)]]),
      events: openEventLog(db, {} as never, () => {}),
    };
    await removeCluster(work as unknown as ClusterWork);
    const records = (await listAudit(db, 'p', { after: 0, limit: 1000 }))
      .map(({ record }) => JSON.parse(record) as Record<string, unknown>)
      .filter((record) => record.id === run.id)
      .map(({ instance, phase, status }) => [instance, phase, status]);
    expect(records).toEqual([
      ['started', 'begin', undefined],
      ['started', 'end', 'unknown'],
      ['waiting', 'end', 'cancelled'],
    ]);
  });

  it('are left alone while it lives, and taken over soon after it lets go', async () => {
    const run = await newRun(1, 'another');
    const { lockKey } = await import('../../packages/controller/src/provisioning/engine/lease.ts');
    const { parts, adopted } = adopter('me');
    const client = await pool.connect();
    try {
      await client.query('select pg_advisory_lock($1)', [lockKey('another')]);
      await adoptOrphanedRuns(parts);
      expect(await findRun(db, run.id)).toMatchObject({ status: 'running', owner: 'another' });
      const watch = watchOrphans(parts, 50);
      await client.query('select pg_advisory_unlock($1)', [lockKey('another')]);
      await expect.poll(() => findRun(db, run.id)).toMatchObject({ owner: 'me' });
      await expect.poll(() => adopted.some((each) => each.run.id === run.id)).toBe(true);
      await watch.stop();
    } finally {
      client.release();
    }
  });
});

function adopter(controllerId: string) {
  const adopted: { readonly run: RunRow; readonly targets: readonly RunTarget[] }[] = [];
  const parts: AdoptParts = {
    ...{ db, log, controllerId },
    access: { reach: async () => ({ facts: { instances: [] } }) as unknown as ClusterReach },
    executor: { adopt: (run, _cluster, targets) => void adopted.push({ run, targets }) },
  };
  return { parts, adopted };
}
