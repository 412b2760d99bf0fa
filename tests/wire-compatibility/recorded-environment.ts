import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cloud, ClusterPlan, Problem } from '../../packages/controller/src/clouds/cloud.ts';
import type { ClusterProvisioning } from '../../packages/controller/src/clusters/cluster-provisioning.ts';
import { eventChannel, openEventLog } from '../../packages/controller/src/events/event-log.ts';
import type { HttpContext } from '../../packages/controller/src/http/context.ts';
import { saharaResources } from '../../packages/controller/src/http/sahara/sahara-resources.ts';
import { createServer } from '../../packages/controller/src/http/server.ts';
import { openLog } from '../../packages/controller/src/log.ts';
import { builtInPlugins, loadPlugins } from '../../packages/controller/src/plugins/load-plugins.ts';
import { createDbosEngine } from '../../packages/controller/src/provisioning/engine/dbos-engine.ts';
import { ensureToken } from '../../packages/controller/src/storage/api-tokens.ts';
import { setStatus } from '../../packages/controller/src/storage/clusters.ts';
import { type Database, openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import { loadOrCreateMasterKeys } from '../../packages/controller/src/storage/master-key.ts';
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

/** What the recording's cloud had. */
const flavors = ['1', '2', '3'];
const instanceQuota = 16;

export interface Environment {
  readonly url: string;
  readonly db: Database;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  readonly body: any;
}

/**
 * The API as the recording had it around itself: its tokens, its plugin, its cloud's flavors and quota. The server and
 * the database are the real ones; behind them no machines are made, clusters only go through their states.
 */
export async function openEnvironment(
  pluginFolders = [builtInPlugins, recordedPlugins],
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
  const masterKeys = loadOrCreateMasterKeys(path.join(data, 'master.key'));
  const context: HttpContext = {
    db,
    secrets: openSecrets(db, masterKeys),
    events: openEventLog(db, notifications, () => {}),
    notifications,
    engine: createDbosEngine({ connection, controllerId: randomUUID(), log, onLeaseLost: () => {} }),
    clouds: new Map([['recorded', recordedCloud]]),
    log,
    stopping: new AbortController().signal,
  };
  const plugins = await loadPlugins(pluginFolders);
  const sahara = saharaResources({ plugins, provisioning: throughStates(db), defaultCloud: 'recorded' });
  const server = await createServer({ context, resources: [sahara], hosts: [] });
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
    async close() {
      await server.close();
      await notifications.close();
      await pool.end();
    },
  };
}

const recordedCloud: Cloud = {
  name: 'recorded',
  async validate(plan: ClusterPlan): Promise<readonly Problem[]> {
    const problems: Problem[] = plan.nodeGroups
      .filter((group) => !flavors.includes(group.flavorId))
      .map((group) => ({
        errorName: 'NOT_FOUND',
        message: `Requested flavor '${group.flavorId}' not found`,
      }));
    const requested = plan.nodeGroups.reduce((sum, group) => sum + group.count, 0);
    if (requested > instanceQuota)
      problems.push({
        errorName: 'QUOTA_ERROR',
        message: `Quota exceeded for instance: Requested ${requested}, but available ${instanceQuota}`,
      });
    return problems;
  },
  findOrCreateInstance: () => Promise.reject(new Error('no machines here')),
  deleteInstance: async () => {},
  deleteCluster: async () => {},
  resume: async () => {},
  close: async () => {},
};

function throughStates(db: Database): ClusterProvisioning {
  return {
    async createCluster(id) {
      for (const status of ['InfraUpdating', 'Spawning', 'Waiting', 'Preparing', 'Active'] as const)
        await setStatus(db, id, status);
    },
    async deleteCluster(id) {
      await db.deleteFrom('cluster').where('id', '=', id).execute();
    },
  };
}
