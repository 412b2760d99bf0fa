import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clusterStatuses } from '@wadi/api';
import { ClusterAccess } from '../../packages/controller/src/access/cluster-access.ts';
import { RunExecutor } from '../../packages/controller/src/access/run-executor.ts';
import { RunJournal } from '../../packages/controller/src/access/run-journal.ts';
import { ownTokens } from '../../packages/controller/src/auth/own-tokens.ts';
import type { Cloud, ClusterPlan, Problem } from '../../packages/controller/src/clouds/cloud.ts';
import { FakeCloud } from '../../packages/controller/src/clouds/fake/fake-cloud.ts';
import { readTestCloud } from '../../packages/controller/src/clouds/fake/test-cloud-file.ts';
import { SandboxCloud } from '../../packages/controller/src/clouds/sandbox/sandbox-cloud.ts';
import { isTransitional } from '../../packages/controller/src/clusters/cluster-status.ts';
import { eventChannel, openEventLog } from '../../packages/controller/src/events/event-log.ts';
import type { HttpContext } from '../../packages/controller/src/http/context.ts';
import { Drain } from '../../packages/controller/src/http/drain.ts';
import { saharaResources } from '../../packages/controller/src/http/sahara/sahara-resources.ts';
import { versionDocument } from '../../packages/controller/src/http/sahara/version-document.ts';
import { createServer } from '../../packages/controller/src/http/server.ts';
import { openLog } from '../../packages/controller/src/log.ts';
import { builtInPlugins, loadPlugins } from '../../packages/controller/src/plugins/load-plugins.ts';
import { createDbosEngine } from '../../packages/controller/src/provisioning/engine/dbos-engine.ts';
import {
  defaultMachinesAtOnce,
  MachineLimits,
} from '../../packages/controller/src/provisioning/machine-limits.ts';
import { registerProvisioning } from '../../packages/controller/src/provisioning/provisioning.ts';
import { Verifier } from '../../packages/controller/src/provisioning/verifier.ts';
import { ensureToken } from '../../packages/controller/src/storage/api-tokens.ts';
import { clusterIdsInStatus } from '../../packages/controller/src/storage/clusters.ts';
import { type Database, openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import { KeyKeeper } from '../../packages/controller/src/storage/keys/key-keeper.ts';
import { KeyRing } from '../../packages/controller/src/storage/keys/key-ring.ts';
import { openKeySource } from '../../packages/controller/src/storage/keys/key-source.ts';
import { migrate } from '../../packages/controller/src/storage/migrate.ts';
import { PostgresNotifications } from '../../packages/controller/src/storage/notifications.ts';
import { openSecrets } from '../../packages/controller/src/storage/secrets.ts';
import { createDatabase } from '../set-up/database.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';

export const demo = '1'.repeat(32);
export const other = '2'.repeat(32);

/** The tokens of the recording, and one of ours that may only read. */
export const tokens = {
  alice: `alice.${demo}.member+reader`,
  bob: `bob.${other}.member+reader`,
  admin: `admin.${demo}.admin+member+reader`,
  reader: `carol.${demo}.reader`,
};

export const recordedPlugins = fileURLToPath(new URL('./plugins/', import.meta.url));

/** The cloud of the recording. */
export const testCloud = readTestCloud(fileURLToPath(new URL('./test-cloud.json', import.meta.url)));

/** Milliseconds. */
const patience = 60_000;

export interface Environment {
  readonly url: string;
  readonly db: Database;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Waits until no cluster is on its way to another status. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  readonly body: any;
}

/**
 * The API as the recording had it around itself: its tokens, its plugin, its cloud's flavors and quota. All
 * parts are the real ones; its machines are the sandbox's.
 */
export async function openEnvironment(
  pluginFolders = [builtInPlugins, recordedPlugins],
  cloud: 'sandbox' | 'fake' = 'sandbox',
  /** Other than in the recording. */
  quotas: Partial<typeof testCloud.quotas> = {},
): Promise<Environment> {
  const data = newDataDirectory();
  const log = openLog(path.join(data, 'wadi.log'), 'info');
  const connection = { url: (await createDatabase()).url };
  const pool = openPool(connection, 10, () => {});
  const db = openDatabase(pool);
  await migrate(db);
  for (const [name, token] of Object.entries(tokens)) {
    const [, projectId = '', roles = ''] = token.split('.');
    const role = roles.includes('admin') ? 'admin' : roles.includes('member') ? 'member' : 'reader';
    await ensureToken(db, { projectId, name, role, token });
  }
  const notifications = await PostgresNotifications.open(connection, [eventChannel]);
  const keys = openKeySource({ kind: 'file', file: path.join(data, 'master.key') });
  const ring = await KeyRing.open(keys, true);
  const keeper = await KeyKeeper.register({ db, ring, controllerId: randomUUID(), name: 'recorded', log });
  const secrets = openSecrets(db, ring);
  const events = openEventLog(db, notifications, () => {});
  // Beside the data and not in it, where the machines' user may go: so it is removed with the run's folder.
  const directory = path.join(path.dirname(data), 'sandbox');
  const offers = { ...testCloud, quotas: { ...testCloud.quotas, ...quotas } };
  const clouds = new Map<string, Cloud>([
    cloud === 'fake'
      ? ['fake', new FakeCloud(offers, { directory, apiHost: '127.0.0.1' })]
      : ['sandbox', new FullSandbox({ directory, apiHost: '127.0.0.1' })],
  ]);
  const access = new ClusterAccess({ db, secrets, events, policy: { allowNetworks: [] }, log });
  const runs = new RunExecutor({
    access,
    secrets,
    journal: new RunJournal(db, log),
    log,
    lostContactSeconds: 3600,
  });
  const engine = createDbosEngine({ connection, controllerId: randomUUID(), log, onLeaseLost: () => {} });
  const plugins = await loadPlugins(pluginFolders);
  const verifier = new Verifier({ db, access, log, everySeconds: 600 });
  const provisioning = registerProvisioning({
    db,
    secrets,
    events,
    access,
    runs,
    plugins,
    clouds,
    engine,
    limits: new MachineLimits(defaultMachinesAtOnce),
    log,
    verifier,
  });
  await engine.launch();
  const stopping = new AbortController().signal;
  const context: HttpContext = {
    db,
    secrets,
    events,
    notifications,
    engine,
    clouds,
    log,
    stopping,
    drain: new Drain(),
  };
  const sahara = saharaResources({
    plugins,
    provisioning,
    defaultCloud: cloud,
    methodOf: () => 'fixed_ip',
    problemOf: () => null,
  });
  const server = await createServer({
    context,
    resources: [versionDocument, sahara],
    hosts: [],
    authenticator: ownTokens(db, log),
  });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });

  return {
    url,
    db,
    async request(method, target, body, headers = {}) {
      const response = await fetch(`${url}${target}`, {
        method,
        headers: {
          'X-Auth-Token': tokens.alice,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? null : JSON.parse(text),
      };
    },
    async settle() {
      const transitional = clusterStatuses.filter(isTransitional);
      for (const deadline = performance.now() + patience; ; await sleep(20)) {
        if ((await clusterIdsInStatus(db, transitional)).length === 0) return;
        if (performance.now() > deadline) throw new Error('the clusters do not come to rest');
      }
    },
    async close() {
      await server.close();
      await engine.close();
      await verifier.close();
      await runs.close();
      await access.close();
      for (const cloud of clouds.values()) await cloud.close();
      await notifications.close();
      await keeper.close();
      await pool.end();
    },
  };
}

/** As small as the cloud of the recording. */
class FullSandbox extends SandboxCloud {
  override async validate(plan: ClusterPlan): Promise<readonly Problem[]> {
    const requested = plan.nodeGroups.reduce((sum, group) => sum + group.count, 0);
    if (requested <= testCloud.quotas.instance) return super.validate(plan);
    const message = `Quota exceeded for instance: Requested ${requested}, but available ${testCloud.quotas.instance}`;
    return [{ errorName: 'QUOTA_ERROR', message, field: 'count' }];
  }
}
