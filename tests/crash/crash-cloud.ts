import type { Answer } from '../access/lab-controller.ts';
import { clusterBody, registerImages } from '../openstack/cloud-clusters.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import type { Controller } from '../set-up/start-controller.ts';

export interface CrashController {
  request(method: string, target: string, body?: unknown): Promise<Answer>;
  readonly controller: Controller;
  stop(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
}

/** All that a project has, by kind; a line for each thing, with the tags that it has in brackets. */
export type Inventory = Readonly<Record<string, readonly string[]>>;

/** The cloud in which controllers are killed. Whatever has servers that get machines will do. */
export interface CrashCloud {
  /** Milliseconds that a cluster may take for anything. */
  readonly patience: number;
  /** Milliseconds between two looks at all that there is. */
  readonly lookEvery: number;
  /** With its images registered. */
  controller(): Promise<CrashController>;
  /** On the data of one that was killed. */
  successorOf(dead: CrashController): Promise<CrashController>;
  /** Of a cluster with one proxy. */
  clusterBody(name: string, machines: number): object;
  inventory(): Promise<Inventory>;
  /** Names of all servers that were made since, those that are gone included; absent: nobody can tell. */
  serversMadeSince?(moment: Date): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** An OpenStack in memory, with OpenSSH machines. */
export async function openStandInCloud(): Promise<CrashCloud> {
  const bed = await CloudBed.open();
  return {
    patience: 120_000,
    lookEvery: 50,
    async controller() {
      const wadi = await bed.controller();
      await registerImages(wadi, bed.cloud);
      return wadi;
    },
    successorOf: (dead) => bed.successorOf(dead),
    clusterBody: (name, machines) => clusterBody(bed.cloud, name, { machines }),
    inventory: async () => bed.cloud.inventory('demo'),
    close: () => bed.close(),
  };
}
