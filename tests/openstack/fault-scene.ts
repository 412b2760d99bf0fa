import { expect } from 'vitest';
import type { Answer } from '../access/lab-controller.ts';
import type { FaultProxy } from '../set-up/openstack/fault-proxy.ts';
import { createCluster, untilGone, untilSettled } from './cloud-clusters.ts';
import type { PlannedFault } from './cloud-faults.ts';

export interface FaultSceneParts {
  readonly wadi: { request(method: string, target: string, body?: unknown): Promise<Answer> };
  /** Between the controller and its cloud. */
  readonly proxy: FaultProxy;
  /** Of a proxy alone, or with machines behind it. */
  body(name: string, machines: number): object;
  /** Milliseconds for a cluster to settle, and to go. */
  readonly patience: number;
}

/** Clusters that are made while their cloud misbehaves, be it the stand-in or a real OpenStack. */
export class FaultScene {
  readonly #parts: FaultSceneParts;

  constructor(parts: FaultSceneParts) {
    this.#parts = parts;
  }

  plant(faults: readonly PlannedFault[]): void {
    for (const [request, mischief, obeys = 'no'] of faults)
      this.#parts.proxy.faults.add(request, mischief, { obeys });
  }

  /** That nobody has met. */
  get unmet() {
    return this.#parts.proxy.faults.pending.map(({ request, mischief }) => [request, mischief]);
  }

  /** So many clusters of a single machine at once. Returns how each ended: null, or why it could not be made. */
  async make(count: number, name: string): Promise<Map<string, string | null>> {
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) ids.push(await this.begin(`${name}-${index}`, 0));
    return new Map(await Promise.all(ids.map(async (id) => [id, await this.endOf(id)] as const)));
  }

  begin(name: string, machines: number): Promise<string> {
    return createCluster(this.#parts.wadi, this.#parts.body(name, machines));
  }

  /** Null: it is Active. */
  async endOf(id: string): Promise<string | null> {
    const { status, status_description } = await untilSettled(this.#parts.wadi, id, this.#parts.patience);
    return status === 'Active' ? null : status_description;
  }

  async remove(ids: Iterable<string>): Promise<void> {
    const all = [...ids];
    const { wadi, patience } = this.#parts;
    for (const id of all) expect((await wadi.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
    for (const id of all) await untilGone(wadi, id, patience);
  }

  /** Whatever a test has left: one test's failure is none of the next one's. */
  async clear(): Promise<void> {
    const { proxy, wadi } = this.#parts;
    proxy.faults.clear();
    proxy.onRequest = null;
    const { body } = await wadi.request('GET', '/v2/clusters');
    await this.remove(body.clusters.map(({ id }: { id: string }) => id));
  }

  /** Before the cloud is asked for the server of this number, from 1. */
  beforeServer(number: number, act: () => void | Promise<void>): void {
    let asked = 0;
    this.#parts.proxy.onRequest = async (method, path) => {
      if (`${method} ${path}` !== 'POST /compute/v2.1/servers') return;
      asked += 1;
      if (asked === number) await act();
    };
  }
}
