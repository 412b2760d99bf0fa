import type { Asking, CloudImage, Flavor, Network, Problem, Quota } from '../cloud.ts';
import { SandboxCloud, type SandboxOptions, type SandboxPlan } from '../sandbox/sandbox-cloud.ts';
import type { TestCloud } from './test-cloud-file.ts';

/** For tests of the API only: the sandbox's machines, behind the flavors, images, networks and quotas of a file. */
export class FakeCloud extends SandboxCloud {
  override readonly name = 'fake';
  readonly requires = ['image', 'network'] as const;
  readonly #offers: TestCloud;

  constructor(offers: TestCloud, options: SandboxOptions) {
    super(options);
    this.#offers = offers;
  }

  override async validate(plan: SandboxPlan): Promise<readonly Problem[]> {
    const known = new Set(this.#offers.flavors.map(({ id }) => id));
    const unknown = plan.nodeGroups.find(({ flavorId }) => !known.has(flavorId));
    if (!unknown) return [];
    const message = `Requested flavor '${unknown.flavorId}' not found`;
    return [{ errorName: 'NOT_FOUND', message, field: 'flavor_id', nodeGroups: [unknown.name] }];
  }

  override async images(): Promise<readonly CloudImage[]> {
    return this.#offers.images;
  }

  override async flavors(): Promise<readonly Flavor[]> {
    return this.#offers.flavors;
  }

  async networks(): Promise<readonly Network[]> {
    return this.#offers.networks;
  }

  async keyPair(_asking: Asking, name: string): Promise<string | null> {
    return this.#offers.keyPairs.includes(name) ? `ssh-ed25519 ${'A'.repeat(68)}` : null;
  }

  async securityGroups(): Promise<readonly string[]> {
    return this.#offers.securityGroups;
  }

  async volumeTypes(): Promise<readonly string[]> {
    return this.#offers.volumeTypes;
  }

  async zones() {
    return this.#offers.zones;
  }

  async quotas(): Promise<Partial<Readonly<Record<Quota, number>>>> {
    const { instance, ...others } = this.#offers.quotas;
    if (instance === undefined) return others;
    return { ...others, instance: instance - (await this.list()).length };
  }
}
