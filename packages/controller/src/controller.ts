import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import { ClusterAccess } from './access/cluster-access.ts';
import { RunExecutor } from './access/run-executor.ts';
import { RunJournal } from './access/run-journal.ts';
import type { Cloud } from './clouds/cloud.ts';
import { InventoryCloud } from './clouds/inventory/inventory-cloud.ts';
import { SandboxCloud } from './clouds/sandbox/sandbox-cloud.ts';
import type { ClusterProvisioning } from './clusters/cluster-provisioning.ts';
import { type Config, ConfigError } from './config.ts';
import type { DataDirectory } from './data-directory.ts';
import { eventChannel, openEventLog } from './events/event-log.ts';
import type { HttpContext } from './http/context.ts';
import { health } from './http/health.ts';
import { saharaResources } from './http/sahara/sahara-resources.ts';
import { sandbox } from './http/sandbox.ts';
import { createServer } from './http/server.ts';
import { wadiResources } from './http/wadi/wadi-resources.ts';
import { loadPlugins } from './plugins/load-plugins.ts';
import { createDbosEngine } from './provisioning/engine/dbos-engine.ts';
import { registerProvisioning } from './provisioning/provisioning.ts';
import { settleOrphanedRuns, watchOrphanedRuns } from './provisioning/settle-runs.ts';
import type { Shutdown } from './shutdown.ts';
import { ensureToken } from './storage/api-tokens.ts';
import { clusterIdsInStatus } from './storage/clusters.ts';
import { type Connection, type Database, openDatabase, openPool } from './storage/database.ts';
import { moveInstance } from './storage/instances.ts';
import { loadOrCreateMasterKeys } from './storage/master-key.ts';
import { migrate } from './storage/migrate.ts';
import { PostgresNotifications } from './storage/notifications.ts';
import { runChannel } from './storage/runs.ts';
import { checkMasterKeys, openSecrets } from './storage/secrets.ts';

export interface ControllerParts {
  readonly config: Config;
  readonly data: DataDirectory;
  readonly connection: Connection;
  readonly log: Logger;
  /** Learns of everything that is opened here, at once. */
  readonly shutdown: Shutdown;
  /** The controller may not go on for a moment. */
  readonly dieNow: (reason: string) => void;
}

/** Connections to the database besides the engine's. */
const poolSize = 20;
/** The tenant that owns everything until Keystone says otherwise. */
const defaultProject = 'default';

/** Puts the controller together and lets it listen; returns its URL. */
export async function openController(parts: ControllerParts): Promise<string> {
  const { config, data, connection, log, shutdown } = parts;
  const pool = openPool(connection, poolSize, (error) =>
    log.warn({ err: error }, 'database connection lost'),
  );
  shutdown.add('database', 5000, () => pool.end());
  const db = openDatabase(pool);
  await migrate(db);
  await ensureToken(db, {
    projectId: defaultProject,
    name: `data directory ${hostname()}:${config.data}`,
    role: 'admin',
    token: data.token,
  });

  const masterKeys = loadOrCreateMasterKeys(config.masterKeyFile);
  await checkMasterKeys(db, masterKeys);
  const secrets = openSecrets(db, masterKeys);
  const notifications = await PostgresNotifications.open(connection, [eventChannel, runChannel]);
  shutdown.add('notifications', 1000, () => notifications.close());
  const events = openEventLog(db, notifications, (error, event) =>
    log.error({ err: error, type: event.type }, 'an event could not be recorded'),
  );

  const clouds = openClouds(parts, db);
  const access = new ClusterAccess({
    db,
    secrets,
    events,
    policy: { allowNetworks: config.allowNetworks },
    log,
  });
  shutdown.add('access', 5000, () => access.close());
  const executor = new RunExecutor({ access, secrets, journal: new RunJournal(db, log), log });
  shutdown.add('runs', 5000, () => executor.close());

  // New for every process: what a dead one left behind is known by its id.
  const controllerId = randomUUID();
  const onLeaseLost = (reason: string) =>
    parts.dieNow(`the database no longer counts this controller among the living (${reason})`);
  const engine = createDbosEngine({ connection, controllerId, log, onLeaseLost });
  const provisioning = registerProvisioning({
    db,
    secrets,
    events,
    access,
    runs: executor,
    clouds,
    engine,
    log,
  });
  shutdown.add('engine', 10_000, () => engine.close());
  for (const cloud of clouds.values()) await cloud.resume();
  await engine.launch();
  await beginWhatWasPromised(db, provisioning);
  await settleOrphanedRuns(db, controllerId, log);
  const orphanedRuns = watchOrphanedRuns(db, controllerId, log);
  shutdown.add('orphaned runs', 5000, () => orphanedRuns.stop());

  const context: HttpContext = {
    db,
    secrets,
    events,
    notifications,
    engine,
    clouds,
    log,
    stopping: shutdown.signal,
  };
  const plugins = await loadPlugins();
  const { allowNetworks } = config;
  const resources = [
    health,
    saharaResources({ plugins, provisioning, defaultCloud: config.sandbox ? 'sandbox' : null }),
    ...wadiResources({ access, executor, controllerId, provisioning, plugins, allowNetworks }),
    sandbox,
  ];
  const server = await createServer({ context, resources, hosts: config.hosts });
  shutdown.add('http', 5000, () => server.close());
  return server.listen({ host: config.host, port: config.port }).catch((error) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new ConfigError(
      `another program listens on ${config.host}:${config.port}: end it, or choose another port with --listen`,
    );
  });
}

function openClouds({ config, log, shutdown }: ControllerParts, db: Database): ReadonlyMap<string, Cloud> {
  const clouds = new Map<string, Cloud>([['inventory', new InventoryCloud(db)]]);
  if (config.sandbox)
    clouds.set(
      'sandbox',
      new SandboxCloud({
        directory: path.join(config.data, 'sandbox'),
        apiHost: config.host,
        onMoved: (instanceId, at) => moveInstance(db, instanceId, at),
      }),
    );
  for (const cloud of clouds.values()) shutdown.add(`cloud ${cloud.name}`, 10_000, () => cloud.close());
  log.info({ clouds: [...clouds.keys()] }, 'clouds');
  return clouds;
}

/** A controller may die between a cluster's row and its workflow. Where the workflow is there, this does nothing. */
async function beginWhatWasPromised(db: Database, provisioning: ClusterProvisioning): Promise<void> {
  for (const id of await clusterIdsInStatus(db, ['Validating'])) await provisioning.createCluster(id);
  for (const id of await clusterIdsInStatus(db, ['Deleting'])) await provisioning.deleteCluster(id);
}
