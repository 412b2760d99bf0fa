import { isIP } from 'node:net';
import { AccessError, type Route, type Spread } from '@wadi/indirect-access';
import type { EventLog } from '../events/event-log.ts';
import type { ClusterRow } from '../storage/clusters.ts';
import type { UploadRow } from '../storage/uploads.ts';
import { accessProblem } from './access-problem.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import type { ClusterReach } from './cluster-reach.ts';
import { each, type Portion } from './pass-portion.ts';
import { proxyOf, type TargetUpload } from './target-upload.ts';

/** Machines behind one proxy, and bytes of a portion, from which on it is worth while. */
const fewestTargets = 3;
const fewestBytes = 4 << 20;
/** Milliseconds after which what did not work, or was lost, is tried again; portions after which what was slower is. */
const failedFor = 3_600_000;
const lostFor = 10_000;
const slowerFor = 32;
const askDeadline = 15_000;

export interface SpreadWish {
  readonly upload: UploadRow;
  readonly cluster: ClusterRow;
  readonly reach: ClusterReach;
  readonly portion: Portion;
  readonly targets: readonly TargetUpload[];
}

/** Whether and by which proxy a portion is put near machines once, in place of sending it to each of them. */
export class Spreading {
  readonly #events: EventLog;
  /** Until when a proxy, or a machine, is not asked for it, by id. */
  readonly #failed = new Map<string, number>();
  /** Of proxies, among their machines, by id. */
  readonly #addresses = new Map<string, { readonly address: string; readonly until: number }>();
  /** Portions until it is tried again, by cluster. */
  readonly #slower = new Map<string, number>();

  constructor(events: EventLog) {
    this.#events = events;
  }

  /** undefined: each machine gets the portion by itself. */
  async begin(wish: SpreadWish): Promise<SpreadUnderWay | undefined> {
    const { cluster, portion, reach } = wish;
    if (cluster.access.spread === false || (portion.length ?? 0) < fewestBytes) return undefined;
    const choice = this.#choose(wish);
    if (!choice || this.#isSlower(cluster.id)) return undefined;
    const { proxy, witness, targets } = choice;
    try {
      const address = await this.#addressOf(proxy, wish, witness);
      const spec = { address, length: portion.length as number, signal: portion.signal };
      const spread = await reach.through(
        proxy,
        (route) => reach.indirect.transfers(route).openSpread(spec),
        portion.signal,
      );
      return new SpreadUnderWay(spread, targets, {
        failed: (error, instance) => this.#note(wish, proxy, error, instance),
        measured: (faster) => {
          if (!faster) this.#slower.set(cluster.id, slowerFor);
        },
      });
    } catch (error) {
      if (portion.signal.aborted) throw error;
      this.#note(wish, proxy, error);
      return undefined;
    }
  }

  /** The proxy by which most of the machines are reached now, and all that have a way through it. */
  #choose({ reach, targets }: SpreadWish): Choice | undefined {
    const able = targets.filter(({ instance }) => this.#works(instance.id));
    const carried = (id: string) => able.filter(({ via }) => via === id).length;
    const proxies = reach.facts.instances
      .filter(({ id, isProxy }) => isProxy && this.#works(id))
      .sort((a, b) => carried(b.id) - carried(a.id));
    for (const proxy of proxies) {
      const ways = able.flatMap((target) => {
        const way = reach.routes(target.instance).find((route) => proxyOf(route) === proxy.id);
        return way ? [{ target, way }] : [];
      });
      const [first] = ways;
      if (first && ways.length >= fewestTargets)
        return { proxy, witness: first.way, targets: ways.map(({ target }) => target) };
    }
    return undefined;
  }

  /** Among its machines, as one of them sees it: what the controller knows may be another. */
  async #addressOf(
    { id, name }: InstanceFacts,
    { reach, portion }: SpreadWish,
    witness: Route,
  ): Promise<string> {
    const known = this.#addresses.get(id);
    if (known && known.until > Date.now()) return known.address;
    const asked = { timeout: askDeadline, signal: portion.signal };
    const { stdout } = await reach.indirect.exec(witness, 'echo "$SSH_CONNECTION"', asked);
    const address = stdout.toString().split(' ')[0]?.trim() ?? '';
    if (isIP(address) === 0)
      throw new AccessError(`no machine says by which address it is reached from ${name}`, {
        code: 'COMMAND_FAILED',
        hop: name,
      });
    if (this.#addresses.size >= 20_000) this.#addresses.clear();
    this.#addresses.set(id, { address, until: Date.now() + failedFor });
    return address;
  }

  #works(id: string): boolean {
    const until = this.#failed.get(id) ?? 0;
    if (until > Date.now()) return false;
    this.#failed.delete(id);
    return true;
  }

  #isSlower(clusterId: string): boolean {
    const left = this.#slower.get(clusterId) ?? 0;
    if (left === 0) return false;
    if (left === 1) this.#slower.delete(clusterId);
    else this.#slower.set(clusterId, left - 1);
    return true;
  }

  /** Work goes on as usual; whoever wonders why it is slow can read it. */
  #note(
    { upload, cluster }: SpreadWish,
    proxy: InstanceFacts,
    error: unknown,
    instance?: InstanceFacts,
  ): void {
    if (this.#failed.size >= 20_000) this.#failed.clear();
    const { code, message } = accessProblem(error);
    const lasts = !instance && lostOnTheWay.has(code) ? lostFor : failedFor;
    this.#failed.set((instance ?? proxy).id, Date.now() + lasts);
    this.#events.emit({
      projectId: cluster.project_id,
      clusterId: cluster.id,
      type: 'transfer.not-spread',
      body: {
        upload_id: upload.id,
        proxy: proxy.name,
        ...(instance ? { instance_id: instance.id, instance: instance.name } : {}),
        code,
        message,
      },
    });
  }
}

interface Choice {
  readonly proxy: InstanceFacts;
  /** To one of the machines, through the proxy. */
  readonly witness: Route;
  readonly targets: readonly TargetUpload[];
}

/** It says nothing of whether it can be done there. */
const lostOnTheWay: ReadonlySet<string> = new Set([
  ...['CONNECTION_LOST', 'CONNECTION_REFUSED', 'CONNECTION_TIMEOUT', 'NETWORK_UNREACHABLE', 'NOT_SSH'],
  ...['TARGET_UNREACHABLE', 'TIMEOUT', 'OVERLOADED', 'CLOSED'],
]);

interface Told {
  /** Without an instance: the proxy. */
  failed(error: unknown, instance?: InstanceFacts): void;
  measured(faster: boolean): void;
}

/** A portion that goes to a proxy, and from there to machines. */
export class SpreadUnderWay {
  readonly targets: readonly TargetUpload[];
  readonly #spread: Spread;
  readonly #told: Told;
  readonly #began = performance.now();
  /** Milliseconds that the way to the proxy took, without what was waited for who sends. */
  #sending = 0;
  #works = true;

  constructor(spread: Spread, targets: readonly TargetUpload[], told: Told) {
    this.#spread = spread;
    this.targets = targets;
    this.#told = told;
  }

  get works(): boolean {
    return this.#works;
  }

  /** Never rejects: what is lost here is sent again. */
  async write(bytes: Buffer): Promise<void> {
    await this.#try(() => this.#spread.write(bytes));
  }

  /** After the last byte: has the machines fetch them. Those that cannot have what they had before. */
  async distribute(offset: number): Promise<void> {
    const portion = await this.#try(() => this.#spread.listen(offset));
    if (!portion) return;
    const sent = performance.now();
    let fetched = 0;
    await each(this.targets, async (target) => {
      const problem = await target.pull(portion);
      if (problem !== undefined) this.#told.failed(problem, target.instance);
      else if (target.offset > offset) fetched += 1;
    });
    if (fetched < this.targets.length) return;
    // Each copy of its own would have taken the way to the proxy as long again.
    const apart = Math.max(sent - this.#began, this.#sending * fetched);
    this.#told.measured(performance.now() - this.#began < apart);
  }

  close(): void {
    this.#spread.close();
  }

  async #try<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (!this.#works) return undefined;
    const began = performance.now();
    try {
      return await work();
    } catch (error) {
      this.#works = false;
      this.#told.failed(error);
      return undefined;
    } finally {
      this.#sending += performance.now() - began;
    }
  }
}
