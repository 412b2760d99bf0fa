import { adoptedCloud } from '../../clusters/adopted.ts';
import type { Cloud, CloudInstance, InstanceReference, InstanceRequest, Problem } from '../cloud.ts';

/**
 * Machines that Sahara made. They are reached as any others, and never made, changed in their cloud, or removed: that remains
 * the business of whoever made them.
 */
export class AdoptedCloud implements Cloud {
  readonly name = adoptedCloud;
  readonly keepsMachines = true;
  readonly cannotScale = 'its machines were made by Sahara, and so were the processes on them';
  readonly #below: Pick<Cloud, 'hostKeysOf'> | null;

  /** `below`: where the machines are; null: nobody knows. */
  constructor(below: Pick<Cloud, 'hostKeysOf'> | null) {
    this.#below = below;
  }

  async validate(): Promise<readonly Problem[]> {
    return [];
  }

  async findOrCreateInstance({ name }: InstanceRequest): Promise<CloudInstance> {
    throw new Error(`${name}: machines of clusters that were adopted are not made here`);
  }

  async hostKeysOf(reference: InstanceReference): Promise<readonly string[]> {
    return (await this.#below?.hostKeysOf?.(reference)) ?? [];
  }

  async deleteInstance(): Promise<void> {}

  async deleteCluster(): Promise<void> {}

  async resume(): Promise<void> {}

  async close(): Promise<void> {}
}
