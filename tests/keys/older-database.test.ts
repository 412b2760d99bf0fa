import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../packages/controller/src/storage/database.ts';
import { migrate } from '../../packages/controller/src/storage/migrate.ts';
import { newDataDirectory, startController } from '../set-up/start-controller.ts';
import { keepSecrets } from './kept-secrets.ts';

/** As it was before migration 0018, and those after it. */
async function bringBack(db: Database): Promise<void> {
  await sql`alter table secret drop column format, drop column reseal_failed_at`.execute(db);
  await sql`alter table secret drop constraint secret_key_id_fkey`.execute(db);
  await sql`drop index secret_key_id_idx`.execute(db);
  await sql`drop table master_key, key_holder`.execute(db);
  await sql`drop table installation, adoption, cloud_request`.execute(db);
  await sql`drop table key_rotation_machine, key_rotation, replaced_secret`.execute(db);
  await sql`alter table instance drop column injected_host_secret_id`.execute(db);
  await sql`alter table cluster drop column user_public_key`.execute(db);
  await sql`delete from kysely_migration where name >= '0018'`.execute(db);
}

test('a database from before is carried over, also by two controllers of which one is killed meanwhile', async () => {
  const first = await startController();
  const database = { url: first.databaseUrl ?? '' };
  const lines = readFileSync(path.join(first.data, 'master.key'), 'utf8');
  await first.stop();
  const kept = await keepSecrets(first, 400, 1);
  await bringBack(kept.db);
  await migrate(kept.db);
  const older = async () => {
    const rows = await kept.db.selectFrom('secret').select('id').where('format', '=', 1).execute();
    return rows.length;
  };
  // So that the work cannot end before the controller is killed.
  const held = await kept.hold();
  const killed = await startController({ data: first.data, database });
  while ((await older()) === kept.count) await sleep(20);
  await killed.kill();
  await held.release();
  expect(await older()).toBeGreaterThan(0);
  await kept.expectAll(lines);

  const copies = [first.data, newDataDirectory()];
  copyFileSync(path.join(first.data, 'master.key'), path.join(copies[1] ?? '', 'master.key'));
  const both = await Promise.all(copies.map((data) => startController({ data, database })));
  while ((await older()) > 0) await sleep(20);
  await kept.expectAll(lines);
  expect(await kept.keyIds()).toEqual([lines.split(' ')[0]]);
  await Promise.all(both.map((each) => each.stop()));
  await kept.close();
}, 180_000);
