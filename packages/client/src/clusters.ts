import type {
  Cluster,
  ClusterAnswer,
  ClusterCreate,
  ClusterList,
  ClusterScale,
  ClusterUpdate,
  ImportRequest,
  ListQuery,
  Verification,
} from '@wadi/api';
import { allPages } from './all-pages.ts';
import type { CallOptions, Transport } from './transport.ts';
import { WadiError } from './wadi-error.ts';

/** `/v2/clusters` */
export class Clusters {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** In one answer: all of them, unless `query.limit` says how many. */
  async list(query: ListQuery = {}, options: CallOptions = {}): Promise<Cluster[]> {
    return (await this.#list(query, options)).clusters;
  }

  /**
   * One after the other, fetched `query.limit` (default 100) at a time: as many as there are.
   *
   * ```ts
   * for await (const { name } of client.clusters.all({ sort_by: 'name' })) console.log(name);
   * ```
   */
  all(query: ListQuery = {}, options: CallOptions = {}): AsyncGenerator<Cluster, void, void> {
    return allPages(query, options, async (...page) => {
      const { clusters, markers } = await this.#list(...page);
      return { items: clusters, next: markers?.next ?? null };
    });
  }

  #list(query: ListQuery, options: CallOptions) {
    const call = { ...options, query: { ...query } };
    return this.#transport.json<ClusterList>('GET', '/v2/clusters', call);
  }

  /** @param options.progress with the events of the provisioning steps that still have some. */
  async get(id: string, options: CallOptions & { progress?: boolean } = {}): Promise<Cluster> {
    const call = { ...options, query: { show_progress: options.progress } };
    return (await this.#transport.json<ClusterAnswer>('GET', path(id), call)).cluster;
  }

  /** Begins to create; the work goes on in the controller. Never repeated: the name is taken after the first. */
  async create(cluster: Omit<ClusterCreate, 'count'>, options: CallOptions = {}): Promise<Cluster> {
    const call = { ...options, body: cluster };
    return (await this.#transport.json<ClusterAnswer>('POST', '/v2/clusters', call)).cluster;
  }

  /** Machines that exist already become a cluster. Nothing is changed on them. */
  async import(request: ImportRequest, options: CallOptions = {}): Promise<Cluster> {
    const call = { ...options, body: request };
    return (await this.#transport.json<ClusterAnswer>('POST', '/v2/clusters/import', call)).cluster;
  }

  async update(id: string, changes: ClusterUpdate, options: CallOptions = {}): Promise<Cluster> {
    const call = { ...options, body: changes };
    return (await this.#transport.json<ClusterAnswer>('PATCH', path(id), call)).cluster;
  }

  /** Begins to add and remove machines. Never repeated: what was done once cannot be asked for again. */
  async scale(id: string, changes: ClusterScale, options: CallOptions = {}): Promise<Cluster> {
    const call = { ...options, body: changes };
    return (await this.#transport.json<ClusterAnswer>('PUT', path(id), call)).cluster;
  }

  /** Begins to look at the cluster's health; `waitForVerification` tells what came out. */
  async verify(id: string, options: CallOptions = {}): Promise<Cluster> {
    return this.update(id, { verification: { status: 'START' } }, options);
  }

  /**
   * The cluster's last verification, when none is under way any more; undefined when there never was one. Bound it
   * with `signal`.
   */
  async waitForVerification(
    id: string,
    options: { signal?: AbortSignal; interval?: number } = {},
  ): Promise<Verification | undefined> {
    for (;;) {
      const { verification } = await this.get(id, { signal: options.signal });
      if (verification?.status !== 'CHECKING') return verification;
      await pause(options.interval ?? 400, options.signal);
    }
  }

  /** Begins to delete; `waitFor` ends when it is gone. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.nothing('DELETE', path(id), options);
  }

  /**
   * Follows the work on a cluster: yields it, with its provisioning steps, now and after each change, and ends
   * when it is `Active`, in `Error`, or gone. Bound it with `signal`.
   *
   * ```ts
   * for await (const now of client.clusters.waitFor(id)) console.log(now.status);
   * ```
   */
  async *waitFor(
    id: string,
    options: { signal?: AbortSignal; interval?: number } = {},
  ): AsyncGenerator<Cluster, void, void> {
    const { signal } = options;
    let before = '';
    for (;;) {
      const cluster = await this.#getUnlessGone(id, signal);
      if (cluster === undefined) return;
      const text = JSON.stringify(cluster);
      if (text !== before) yield cluster;
      before = text;
      if (cluster.status === 'Active' || cluster.status === 'Error') return;
      await pause(options.interval ?? 400, signal);
    }
  }

  async #getUnlessGone(id: string, signal: AbortSignal | undefined): Promise<Cluster | undefined> {
    try {
      return await this.get(id, { signal, progress: true });
    } catch (error) {
      if (error instanceof WadiError && error.status === 404) return undefined;
      throw error;
    }
  }
}

function path(id: string): string {
  return `/v2/clusters/${encodeURIComponent(id)}`;
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    // An aborted signal ends the wait; the next call then throws CANCELLED.
    const timer = setTimeout(done, signal?.aborted ? 0 : milliseconds);
    signal?.addEventListener('abort', done, { once: true });
  });
}
