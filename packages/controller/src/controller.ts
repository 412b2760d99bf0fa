import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import type { AccessPolicy } from './access/access-settings.ts';
import { ClusterAccess } from './access/cluster-access.ts';
import { RunExecutor } from './access/run-executor.ts';
import { RunJournal } from './access/run-journal.ts';
import { Uploads } from './access/uploads.ts';
import { Agents, type AgentsParts } from './agents/agents.ts';
import { keepAuditFor } from './audit-retention.ts';
import { AdoptedCloud } from './clouds/adopted/adopted-cloud.ts';
import type { Cloud } from './clouds/cloud.ts';
import { FakeCloud } from './clouds/fake/fake-cloud.ts';
import { readTestCloud, type TestCloud } from './clouds/fake/test-cloud-file.ts';
import { InventoryCloud } from './clouds/inventory/inventory-cloud.ts';
import { SandboxCloud } from './clouds/sandbox/sandbox-cloud.ts';
import { adoptedCloud } from './clusters/adopted.ts';
import type { Plugins } from './clusters/plugin.ts';
import { type AgentSettings, type Config, ConfigError } from './config.ts';
import type { DataDirectory } from './data-directory.ts';
import { eventChannel, openEventLog } from './events/event-log.ts';
import type { HttpContext } from './http/context.ts';
import type { Drain } from './http/drain.ts';
import { health } from './http/health.ts';
import { isIn, networkList } from './http/host-guard.ts';
import { saharaResources } from './http/sahara/sahara-resources.ts';
import { versionDocument } from './http/sahara/version-document.ts';
import { sandbox } from './http/sandbox.ts';
import { createServer } from './http/server.ts';
import { wadiResources } from './http/wadi/wadi-resources.ts';
import { openAuthenticator } from './open-authenticator.ts';
import { builtInPlugins, loadPlugins } from './plugins/load-plugins.ts';
import { controllerGone } from './provisioning/controller-gone.ts';
import { createDbosEngine } from './provisioning/engine/dbos-engine.ts';
import { isolationChecks } from './provisioning/isolation/isolation-checks.ts';
import { MachineLimits } from './provisioning/machine-limits.ts';
import { pluginChecks } from './provisioning/plugin-checks.ts';
import { beginPromisedWork, watchPromisedWork } from './provisioning/promised-work.ts';
import { registerProvisioning } from './provisioning/provisioning.ts';
import { PromotionWatch } from './provisioning/proxies/promotion-watch.ts';
import { Verifier } from './provisioning/verifier.ts';
import { watchCancellations } from './provisioning/watch-cancellations.ts';
import { lookAfterOrphans, watchOrphans } from './provisioning/watch-orphans.ts';
import type { Shutdown } from './shutdown.ts';
import { ensureToken } from './storage/api-tokens.ts';
import { type Connection, type Database, openDatabase, openPool } from './storage/database.ts';
import type { Member } from './storage/delegations.ts';
import { installationId } from './storage/installation.ts';
import { moveInstance } from './storage/instances.ts';
import { KeyKeeper } from './storage/keys/key-keeper.ts';
import { KeyRing } from './storage/keys/key-ring.ts';
import { openKeySource } from './storage/keys/key-source.ts';
import { isFirstKey, keyChannel } from './storage/keys/master-keys.ts';
import { migrate } from './storage/migrate.ts';
import { PostgresNotifications } from './storage/notifications.ts';
import { dutyChannel, movePromoted } from './storage/proxy-duties.ts';
import { cancelChannel, runChannel } from './storage/runs.ts';
import { openSecrets } from './storage/secrets.ts';

export interface ControllerParts {
  readonly config: Config;
  readonly data: DataDirectory;
  readonly connection: Connection;
  readonly log: Logger;
  /** Learns of everything that is opened here, at once. */
  readonly shutdown: Shutdown;
  readonly drain: Drain;
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

  // Before any work goes on: it may refuse to start at all.
  const openstack = await openOpenStack(parts, db);
  const authenticator = await openAuthenticator({
    ...{ config, db, log, shutdown, defaultProject },
    ...(openstack?.onMember ? { onMember: openstack.onMember } : {}),
  });
  // New for every process: what a dead one left behind is known by its id.
  const controllerId = randomUUID();
  const ring = await KeyRing.open(openKeySource(config.masterKey), await isFirstKey(db), shutdown.signal);
  const name = `${hostname()}:${config.data}`;
  const keeper = await KeyKeeper.register({ db, ring, controllerId, name, log });
  shutdown.add('master keys', 5000, () => keeper.close());
  const secrets = openSecrets(db, ring);
  const notifications = await PostgresNotifications.open(connection, [
    eventChannel,
    runChannel,
    cancelChannel,
    dutyChannel,
    keyChannel,
  ]);
  shutdown.add('notifications', 1000, () => notifications.close());
  keeper.start(notifications);
  shutdown.add('watch over master keys', 5000, () => keeper.stop());
  const events = openEventLog(db, notifications, (error, event) =>
    log.error({ err: error, type: event.type }, 'an event could not be recorded'),
  );

  const testCloud = config.testCloud === null ? null : readTestCloud(config.testCloud);
  for (const { token, project, role } of testCloud?.tokens ?? [])
    await ensureToken(db, { projectId: project, name: `test cloud: ${role} of ${project}`, role, token });
  const clouds = openClouds(parts, db, testCloud, openstack?.cloud ?? null);
  const agents =
    config.agents && (await openAgents(parts, { db, secrets, events, controllerId }, config.agents));
  const policy: AccessPolicy = {
    allowNetworks: config.allowNetworks,
    method: config.accessMethod,
    proxyCommand: config.proxyCommand,
    rootWrapper: config.rootWrapper,
    agents: agents !== null,
  };
  const access = new ClusterAccess({
    db,
    secrets,
    events,
    policy,
    ...(agents ? { openAgent: (id: string, signal: AbortSignal) => agents.open(id, signal) } : {}),
    log,
  });
  shutdown.add('access', 5000, () => access.close());
  await access.duties.start(notifications);
  const journal = new RunJournal(db, log, controllerId);
  const { lostContactSeconds } = config;
  const executor = new RunExecutor({ access, secrets, journal, log, lostContactSeconds });

  const uploads = new Uploads({ db, access, events, log });
  shutdown.add('uploads', 5000, () => uploads.close());

  const plugins = await openPlugins(config, testCloud);
  const verifier = new Verifier({
    ...{ db, access, log, everySeconds: config.verifyEverySeconds },
    checks: [
      pluginChecks({ db, secrets, access, plugins }),
      isolationChecks({
        ...{ db, secrets, access, plugins },
        ...{ mode: config.isolationCheck, allowNetworks: config.allowNetworks },
      }),
    ],
  });
  shutdown.add('verifier', 5000, () => verifier.close());

  const onLeaseLost = (reason: string) =>
    parts.dieNow(`the database no longer counts this controller among the living (${reason})`);
  const engine = createDbosEngine({ connection, controllerId, log, onLeaseLost });
  const provisioning = registerProvisioning({
    db,
    secrets,
    events,
    access,
    runs: executor,
    plugins,
    clouds,
    engine,
    limits: new MachineLimits(config.machinesAtOnce),
    log,
    verifier,
    ...(agents ? { inviteAgent: async (id: string) => (await agents.invite(id, db)).line } : {}),
  });
  shutdown.add('engine', 10_000, () => engine.close());
  // Before the engine: with that our lease ends, and another controller goes on with what we have let go of.
  shutdown.add('runs', 5000, () => executor.close());
  for (const cloud of clouds.values()) await cloud.resume();
  await engine.launch();
  await beginPromisedWork(db, provisioning);
  const orphans = { db, access, executor, controllerId, log };
  await lookAfterOrphans(orphans);
  verifier.start();
  uploads.watch();
  const promisedWork = watchPromisedWork(db, provisioning, log);
  shutdown.add('promised work', 5000, () => promisedWork.stop());
  const cancellations = watchCancellations({ ...orphans, uploads, notifications });
  shutdown.add('cancellations', 5000, () => cancellations.stop());
  const promotion = new PromotionWatch({ db, events, access, clouds, log, controllerId });
  shutdown.add('promotion', 5000, () => promotion.close());
  const watch = watchOrphans(orphans);
  shutdown.add('orphans', 5000, () => watch.stop());

  const context: HttpContext = {
    db,
    secrets,
    events,
    notifications,
    engine,
    clouds,
    log,
    stopping: shutdown.signal,
    drain: parts.drain,
  };
  const resources = [
    health,
    versionDocument,
    saharaResources({
      plugins,
      provisioning,
      defaultCloud: testCloud ? 'fake' : config.openstack ? 'openstack' : config.sandbox ? 'sandbox' : null,
      methodOf: (cluster) => access.methodOf(cluster),
      problemOf: (cluster) => access.problemOf(cluster),
    }),
    ...wadiResources({
      access,
      executor,
      uploads,
      controllerId,
      keeper,
      provisioning,
      plugins,
      policy,
      agents,
    }),
    sandbox,
  ];
  const retention = keepAuditFor(config.auditRetentionDays, db, log);
  shutdown.add('audit retention', 5000, retention);
  const server = await createServer({
    context,
    resources,
    hosts: [...config.hosts, ...listenName(config.host)],
    authenticator,
    tls: config.tls && { cert: readPem(config.tls.cert), key: readPem(config.tls.key) },
    trustedTlsProxies: config.trustedTlsProxies,
  });
  shutdown.add('http', 5000, () => server.close());
  const url = await server.listen({ host: config.host, port: config.port }).catch((error) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new ConfigError(
      `another program listens on ${config.host}:${config.port}: end it, or choose another port with --listen`,
    );
  });
  return config.tls ? url.replace(/^http:/, 'https:') : url;
}

async function openAgents(
  { log, shutdown }: ControllerParts,
  stored: Pick<AgentsParts, 'db' | 'secrets' | 'events' | 'controllerId'>,
  listen: AgentSettings,
): Promise<Agents> {
  const isGone = (id: string) => stored.db.transaction().execute((tx) => controllerGone(tx, id));
  const balancers = networkList(listen.trustedProxies);
  const isBalancer = (address: string) => isIn(balancers, address);
  const agents = await Agents.open({ ...stored, log, isGone, listen, isBalancer }).catch((error) => {
    throw new ConfigError(`--agent-listen ${listen.host}:${listen.port}: ${(error as Error).message}`);
  });
  shutdown.add('agents', 5000, () => agents.close());
  log.info({ endpoint: agents.endpoint }, 'machines may dial in');
  return agents;
}

/** An address that was asked for is a name for the controller; one that stands for all of them is not. */
function listenName(host: string): string[] {
  if (host === '0.0.0.0' || /^[0:]+$/.test(host)) return [];
  return [host.includes(':') ? `[${host}]` : host];
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`TLS: ${(error as Error).message}`);
  }
}

function openClouds(
  { config, log, shutdown }: ControllerParts,
  db: Database,
  testCloud: TestCloud | null,
  openstack: Cloud | null,
): ReadonlyMap<string, Cloud> {
  const clouds = new Map<string, Cloud>();
  // Whoever is on this computer is no reason to open others.
  if (config.auth !== 'none') {
    clouds.set('inventory', new InventoryCloud(db));
    clouds.set(adoptedCloud, new AdoptedCloud(openstack));
  }
  const options = {
    directory: path.join(config.data, 'sandbox'),
    apiHost: config.host,
    onMoved: async (instanceId: string, at: Parameters<typeof moveInstance>[2]) => {
      if (!(await movePromoted(db, instanceId, at))) await moveInstance(db, instanceId, at);
    },
  };
  if (config.sandbox) clouds.set('sandbox', new SandboxCloud(options));
  if (openstack) clouds.set('openstack', openstack);
  if (testCloud) clouds.set('fake', new FakeCloud(testCloud, options));
  for (const cloud of clouds.values()) shutdown.add(`cloud ${cloud.name}`, 10_000, () => cloud.close());
  log.info({ clouds: [...clouds.keys()] }, 'clouds');
  return clouds;
}

interface OpenStackParts {
  readonly cloud: Cloud;
  /** Absent: one credential does for all there is. */
  readonly onMember?: (member: Member) => Promise<void>;
}

async function openOpenStack({ config, log }: ControllerParts, db: Database): Promise<OpenStackParts | null> {
  if (!config.openstack) return null;
  // Most installations have no use for it.
  const { openForAllProjects, openForOneProject } = await import('./clouds/openstack/open-openstack.ts');
  const options = { ...config.openstack, db, log, installationId: await installationId(db) };
  try {
    if (config.keystone === null) return { cloud: openForOneProject(options, defaultProject) };
    const { cloud, delegations } = openForAllProjects(options);
    return { cloud, onMember: (member) => delegations.ensure(member) };
  } catch (error) {
    throw new ConfigError(`OpenStack: ${tellOpenStack(error as Error)}`);
  }
}

function tellOpenStack({ message, hint }: Error & { readonly hint?: string }): string {
  return hint === undefined ? message : `${message}: ${hint}`;
}

function openPlugins({ plugins }: Config, testCloud: TestCloud | null): Promise<Plugins> {
  // The recording lists all plugins there are.
  const folders = [testCloud?.plugins ?? builtInPlugins, ...(plugins === null ? [] : [plugins])];
  return loadPlugins(folders).catch((error) => {
    throw new ConfigError((error as Error).message);
  });
}
