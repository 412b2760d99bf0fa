import { Limiter } from '../access/limiter.ts';
import type { ClusterRow } from '../storage/clusters.ts';
import { ClusterGoneError } from './provisioning-error.ts';

/** Machines that a cloud is asked to make or to delete at once: of one cluster, of one project, in all. */
export interface MachinesAtOnce {
  readonly cluster: number;
  readonly project: number;
  readonly cloud: number;
}

export const defaultMachinesAtOnce: MachinesAtOnce = { cluster: 10, project: 20, cloud: 40 };

/**
 * Keeps one cluster from taking up its whole project, and one project the whole cloud. Places are taken from the narrowest
 * to the widest, so that nobody holds a wide one while he waits for a narrow one. They hold within one controller.
 */
export class MachineLimits {
  readonly #clusters: Limiters;
  readonly #projects: Limiters;
  readonly #clouds: Limiters;

  constructor({ cluster, project, cloud }: MachinesAtOnce) {
    this.#clusters = new Limiters(cluster);
    this.#projects = new Limiters(project);
    this.#clouds = new Limiters(cloud);
  }

  /** When the signal ends the waiting for a place, nothing was begun: `ClusterGoneError`. */
  async run<T>(
    { id, project_id: project, cloud }: Pick<ClusterRow, 'id' | 'project_id' | 'cloud'>,
    work: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    let begun = false;
    const begin = () => {
      begun = true;
      return work();
    };
    try {
      const inCloud = () => this.#clouds.run(cloud, begin, signal);
      const inProject = () => this.#projects.run(`${cloud} ${project}`, inCloud, signal);
      return await this.#clusters.run(id, inProject, signal);
    } catch (error) {
      if (!begun && signal?.aborted) throw new ClusterGoneError(id);
      throw error;
    }
  }
}

/** A limiter for each key that is in use. */
class Limiters {
  readonly #most: number;
  readonly #inUse = new Map<string, { readonly limiter: Limiter; users: number }>();

  constructor(most: number) {
    this.#most = most;
  }

  async run<T>(key: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const entry = this.#inUse.get(key) ?? { limiter: new Limiter(this.#most), users: 0 };
    this.#inUse.set(key, entry);
    entry.users += 1;
    try {
      return await entry.limiter.run(work, signal);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.#inUse.delete(key);
    }
  }
}
