import type { Duplex } from 'node:stream';
import type { AccessMethod } from '@wadi/api';
import {
  AccessError,
  type AccessEvent,
  describeRoute,
  IndirectAccess,
  type Machine,
} from '@wadi/indirect-access';
import type { Logger } from 'pino';
import type { EventLog } from '../events/event-log.ts';
import type { ClusterRow } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import { findInstanceOwner, isPinned, pinHostKey } from '../storage/instances.ts';
import type { Secrets } from '../storage/secrets.ts';
import { type AccessCluster, type AccessPolicy, accessSettings, methodOf } from './access-settings.ts';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { ClusterReach, type OnFailure } from './cluster-reach.ts';
import { type Connections, DutyKeeper } from './duty-keeper.ts';
import { fingerprint } from './host-key.ts';
import { HttpDispatchers } from './http-dispatchers.ts';
import { OpenWork } from './open-work.ts';
import { ProxyProber } from './proxy-prober.ts';
import { type ProxyState, proxyStates } from './proxy-states.ts';
import { readFacts } from './read-facts.ts';
import { RouteHealth } from './route-health.ts';
import { RouteSelector } from './route-selector.ts';
import { readIdentities } from './stored-identity.ts';
import { strandedWithout } from './stranded.ts';
import { type Door, tryAsProxy } from './try-proxy.ts';
import { Verdicts } from './verdicts.ts';

export interface ClusterAccessParts {
  readonly db: Database;
  readonly secrets: Secrets;
  readonly events: EventLog;
  readonly policy: AccessPolicy;
  /** A stream to the sshd of an instance that has dialled in; absent: none does. */
  readonly openAgent?: (instanceId: string, signal: AbortSignal) => Promise<Duplex>;
  readonly log: Logger;
}

interface Read {
  readonly facts: ClusterFacts;
  readonly settings: AccessSettings;
}

const chance = { now: () => performance.now(), random: () => Math.random() };
/** Milliseconds between two looks at what is down. */
const backOff = { first: 500, most: 30_000 };

/** The one door from clusters to their machines: owns the sessions, the keys' way into them, and the pinning. */
export class ClusterAccess {
  readonly #parts: ClusterAccessParts;
  readonly #indirect: IndirectAccess;
  readonly #selector: RouteSelector;
  readonly #prober: ProxyProber;
  /** For web pages of machines. */
  readonly http: HttpDispatchers;
  readonly verdicts: Verdicts;
  /** What each controller has open through proxies that are drained, and to those that are fenced. */
  readonly duties: DutyKeeper;
  /** Work that can change its route while it goes on. */
  readonly work = new OpenWork();
  readonly #readAt = new WeakMap<ClusterReach, number>();

  constructor(parts: ClusterAccessParts) {
    this.#parts = parts;
    this.#indirect = new IndirectAccess({
      identity: (credential) => readIdentities(parts.db, parts.secrets, credential),
      pinHostKey: (machine, key) => this.#pin(machine, key),
      wasPinnedSince: (machine, key) => isPinned(parts.db, machine.id, key),
      // A silent peer is known for dead within five seconds, and one that never answered a little later.
      keepalive: { interval: 1_650, missed: 2 },
      deadlines: { dial: 6_000 },
      // The next route is tried rather than the same one again.
      replaceLost: false,
      ...(parts.openAgent ? { openAgent: parts.openAgent } : {}),
      onEvent: (event) => this.#note(event),
    });
    this.#selector = new RouteSelector({ health: new RouteHealth({ ...chance, ...backOff }), ...chance });
    this.#prober = new ProxyProber({
      ...chance,
      selector: this.#selector,
      connect: (route, signal) => this.#indirect.connect(route, { signal }),
    });
    this.http = new HttpDispatchers(this.#indirect);
    this.verdicts = new Verdicts(parts);
    this.duties = new DutyKeeper({
      ...{ db: parts.db, log: parts.log, work: this.work, connections: this.#connections() },
      reach: (cluster) => this.reach(cluster),
      changed: (ids) => this.#prober.forget(ids),
    });
  }

  /** The cluster's machines and the ways to them as of now; read again after anything changed. */
  async reach(cluster: ClusterRow): Promise<ClusterReach> {
    const readAt = performance.now();
    const { facts, settings } = await this.#read(cluster);
    // Who only looks at what is known is no reason to log in to proxies.
    const onUse = () => this.#prober.use(facts, settings);
    const owner = { projectId: cluster.project_id, clusterId: cluster.id };
    // Before it is Active, machines that do not answer yet are no news.
    const onFailure = (...[machine, error, route]: Parameters<OnFailure>) => {
      if (cluster.status === 'Active') this.verdicts.failed(owner, machine, error, describeRoute(route));
    };
    const reach = new ClusterReach(this.#indirect, facts, settings, this.#selector, { onUse, onFailure });
    this.#readAt.set(reach, readAt);
    return reach;
  }

  /** How the controller gets to those of its machines that it dials. */
  methodOf(cluster: AccessCluster): AccessMethod {
    return methodOf(cluster, this.#parts.policy);
  }

  /** Why none of its machines could be reached with its settings; null: nothing is known against it. */
  problemOf(cluster: AccessCluster): string | null {
    const { entrance } = accessSettings(cluster, this.#parts.policy);
    return entrance && 'problem' in entrance ? entrance.problem : null;
  }

  /** No duty of the cluster's proxies has changed since it was read. */
  isCurrent(reach: ClusterReach): boolean {
    return (this.#readAt.get(reach) ?? 0) > this.duties.changedAt(reach.facts.clusterId);
  }

  /** How each proxy is, as far as this controller knows. Asking is no use of the cluster. `also`: a machine that is none. */
  async health(cluster: ClusterRow, also?: string): Promise<readonly ProxyState[]> {
    return this.#states(await this.#read(cluster), also);
  }

  /** The same, and from now on this controller looks whether they answer, whether or not the cluster is in use. */
  async watchProxies(cluster: ClusterRow): Promise<readonly ProxyState[]> {
    const read = await this.#read(cluster);
    this.#prober.use(read.facts, read.settings);
    return this.#states(read);
  }

  /**
   * The machines that would have no way that works, as far as this controller knows, if that proxy was drained. `db`: the
   * caller's transaction, which must not wait for a second connection.
   */
  async strandedWithout(
    db: Database,
    cluster: ClusterRow,
    proxyId: string,
  ): Promise<readonly InstanceFacts[]> {
    const { facts, settings } = await this.#read(cluster, db);
    const proxy = facts.instances.find(({ id }) => id === proxyId);
    return proxy ? strandedWithout(facts, settings, this.#selector.health, proxy) : [];
  }

  /**
   * Judges which of a cluster's machines could serve as proxies: `fits` tells whether one could when it is dialled there
   * (null), else why not.
   */
  async judgeMachines<T>(
    cluster: ClusterRow,
    signal: AbortSignal,
    judge: (
      machines: readonly InstanceFacts[],
      fits: (instance: InstanceFacts, door: Door | null) => Promise<string | null>,
    ) => Promise<T>,
  ): Promise<T> {
    const { facts, settings } = await this.#read(cluster);
    const explainer = this.#indirect.explainer();
    try {
      return await judge(facts.instances, (instance, door) =>
        tryAsProxy(explainer, facts, settings, { instance, door }, signal),
      );
    } finally {
      await explainer.close();
    }
  }

  /** Ends what is open to machines that go, or whose key changed. */
  async forget(instanceIds: readonly string[]): Promise<void> {
    this.#prober.forget(instanceIds);
    for (const id of instanceIds) this.http.forget(id);
    this.verdicts.forget(instanceIds);
    await Promise.all(instanceIds.map((id) => this.#indirect.forget(id)));
    this.#selector.health.forget(instanceIds);
  }

  stats(): ReturnType<IndirectAccess['stats']> {
    return this.#indirect.stats();
  }

  async close(): Promise<void> {
    await this.duties.close();
    this.#prober.close();
    this.#selector.close();
    this.http.close();
    await this.#indirect.close();
    await this.verdicts.close();
  }

  async #read(cluster: ClusterRow, db: Database = this.#parts.db): Promise<Read> {
    const facts = await readFacts(db, cluster);
    return { facts, settings: accessSettings(cluster, this.#parts.policy) };
  }

  #states({ facts, settings }: Read, also?: string): readonly ProxyState[] {
    return proxyStates(facts, settings, this.#selector.health, this.#indirect.stats(), also);
  }

  #connections(): Connections {
    const [indirect, http, { health }] = [this.#indirect, this.http, this.#selector];
    return {
      bar(id: string, name: string) {
        http.forget(id);
        return indirect.bar(id, name);
      },
      admit(id: string) {
        indirect.admit(id);
        // Nobody has looked at it since.
        health.forget([id]);
      },
      retire(id: string) {
        http.retire(id);
        indirect.retire(id);
      },
      disconnect: (id: string, name: string) => indirect.disconnect(id, name),
    };
  }

  async #pin(machine: Machine, key: string): Promise<string> {
    const { db, events } = this.#parts;
    const owner = await findInstanceOwner(db, machine.id);
    if (owner?.access.trust_first_contact !== true)
      throw new AccessError(`machine ${machine.name}: its host key is not known`, {
        code: 'HOST_KEY_REFUSED',
        hop: machine.name,
        phase: 'host-key',
        hint: `give its host key (it showed ${fingerprint(key)}), or allow the first contact to be trusted`,
      });
    const pinned = await pinHostKey(db, machine.id, key);
    if (!pinned)
      throw new AccessError(`machine ${machine.name}: it is being deleted`, {
        code: 'CANCELLED',
        hop: machine.name,
        phase: 'host-key',
      });
    if (pinned.pinnedNow) {
      const body = { instance_id: machine.id, instance: machine.name, fingerprint: fingerprint(key) };
      await events.append({
        projectId: owner.project_id,
        clusterId: owner.cluster_id,
        type: 'host-key.pinned',
        body,
      });
    }
    return pinned.keys.includes(key) ? key : (pinned.keys[0] ?? key);
  }

  #note(event: AccessEvent): void {
    const { log } = this.#parts;
    log.debug({ access: event }, 'access');
    this.#selector.health.note(event);
    if (event.type === 'connected') this.verdicts.connected(event.machine, event.route);
    const told = tellOwner(event);
    if (told)
      this.#tell(event.machine, told).catch((error) =>
        log.error({ err: error, type: told.type }, 'an event could not be recorded'),
      );
  }

  /** For whoever owns the machine; one that is gone has nobody who would want to know. */
  async #tell({ id, name }: Machine, { type, ...more }: Told): Promise<void> {
    const owner = await findInstanceOwner(this.#parts.db, id);
    if (!owner) return;
    const body = { instance_id: id, instance: name, ...more };
    this.#parts.events.emit({ projectId: owner.project_id, clusterId: owner.cluster_id, type, body });
  }
}

type Told = Readonly<Record<string, string>> & { readonly type: string };

/** What people should know of; pinning is told with the pin itself. */
function tellOwner(event: AccessEvent): Told | undefined {
  switch (event.type) {
    case 'host-key-mismatch':
      return { type: 'host-key.mismatch', fingerprint: fingerprint(event.key) };
    case 'jump-only-found':
      return { type: 'proxy.jump-only', reason: event.reason };
    case 'relay-chosen':
      return event.relay === 'direct-tcpip' ? undefined : { type: 'proxy.relay', relay: event.relay };
    default:
      return undefined;
  }
}
