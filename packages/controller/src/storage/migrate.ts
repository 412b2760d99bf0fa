import { type Migration, Migrator, sql } from 'kysely';
import type { Database } from './database.ts';
import { up as firstTables } from './migrations/0001-first-tables.ts';
import { up as scalingAndVerification } from './migrations/0002-scaling-and-verification.ts';
import { up as pinnedPlugins } from './migrations/0003-pinned-plugins.ts';
import { up as rightsAndAudit } from './migrations/0004-rights-and-audit.ts';
import { up as imagesAndLabels } from './migrations/0005-images-and-labels.ts';
import { up as openAccesses } from './migrations/0006-open-accesses.ts';
import { up as listIndexes } from './migrations/0007-list-indexes.ts';
import { up as inventoryPool } from './migrations/0008-inventory-pool.ts';
import { up as runBoot } from './migrations/0009-run-boot.ts';
import { up as accessMethods } from './migrations/0010-access-methods.ts';
import { up as agents } from './migrations/0011-agents.ts';
import { up as instanceVerdicts } from './migrations/0013-instance-verdicts.ts';
import { up as cancelledRuns } from './migrations/0014-cancelled-runs.ts';
import { up as proxyDuties } from './migrations/0015-proxy-duties.ts';
import { up as uploads } from './migrations/0016-uploads.ts';
import { up as delegations } from './migrations/0017-delegations.ts';
import { up as masterKeys } from './migrations/0018-master-keys.ts';
import { up as installation } from './migrations/0019-installation.ts';
import { up as userKeys } from './migrations/0020-user-keys.ts';
import { up as adoptions } from './migrations/0022-adoptions.ts';
import { up as keyRotation } from './migrations/0023-key-rotation.ts';
import { up as cloudRequests } from './migrations/0024-cloud-requests.ts';
import { up as injectedHostKeys } from './migrations/0025-injected-host-keys.ts';

/** In order. A migration that was released is never changed, only followed. */
const migrations: Record<string, Migration> = {
  '0001-first-tables': { up: firstTables },
  '0002-scaling-and-verification': { up: scalingAndVerification },
  '0003-pinned-plugins': { up: pinnedPlugins },
  '0004-rights-and-audit': { up: rightsAndAudit },
  '0005-images-and-labels': { up: imagesAndLabels },
  '0006-open-accesses': { up: openAccesses },
  '0007-list-indexes': { up: listIndexes },
  '0008-inventory-pool': { up: inventoryPool },
  '0009-run-boot': { up: runBoot },
  '0010-access-methods': { up: accessMethods },
  '0011-agents': { up: agents },
  '0013-instance-verdicts': { up: instanceVerdicts },
  '0014-cancelled-runs': { up: cancelledRuns },
  '0015-proxy-duties': { up: proxyDuties },
  '0016-uploads': { up: uploads },
  '0017-delegations': { up: delegations },
  '0018-master-keys': { up: masterKeys },
  '0019-installation': { up: installation },
  '0020-user-keys': { up: userKeys },
  '0022-adoptions': { up: adoptions },
  '0023-key-rotation': { up: keyRotation },
  '0024-cloud-requests': { up: cloudRequests },
  '0025-injected-host-keys': { up: injectedHostKeys },
};

/** Brings the schema up to date. Several controllers may call it at once: the migrator holds a lock. */
export async function migrate(db: Database): Promise<void> {
  await refuseOldServer(db);
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error, results } = await migrator.migrateToLatest();
  if (!error) return;
  const failed = results?.find((result) => result.status === 'Error')?.migrationName;
  const what = failed ? `migration ${failed}` : 'bringing the schema up to date';
  throw new Error(`database: ${what} failed: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}

/** The oldest that is tested; before 14 there is no idle_session_timeout, on which the leases of controllers rest. */
const oldestServer = 15;

async function refuseOldServer(db: Database): Promise<void> {
  const { rows } = await sql<{ server_version: string }>`show server_version`.execute(db);
  const version = rows[0]?.server_version ?? '0';
  if (Number.parseInt(version, 10) >= oldestServer) return;
  throw new Error(`the database server is PostgreSQL ${version}; Wadi needs ${oldestServer} or newer`);
}
