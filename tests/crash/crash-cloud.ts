import type { LabController } from '../access/lab-controller.ts';
import { clusterBody, registerImages } from '../openstack/cloud-clusters.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';

/** The cloud in which controllers are killed. Whatever has servers that get machines will do. */
export interface CrashCloud {
  /** With its images registered. */
  controller(): Promise<LabController>;
  /** On the data of one that was killed. */
  successorOf(dead: LabController): Promise<LabController>;
  /** Of a cluster with one proxy. */
  clusterBody(name: string, machines: number): object;
  /** All that the project has, by kind; a line for each thing, with the tags that it has in brackets. */
  inventory(): Promise<Readonly<Record<string, readonly string[]>>>;
  close(): Promise<void>;
}

/** An OpenStack in memory, with OpenSSH machines. */
export async function openStandInCloud(): Promise<CrashCloud> {
  const bed = await CloudBed.open();
  return {
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
