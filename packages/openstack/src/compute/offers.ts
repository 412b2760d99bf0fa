import { type Static, Type } from 'typebox';
import type { Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';

export const Flavor = Type.Object({
  id: Type.String(),
  name: Type.String(),
  vcpus: Type.Integer(),
  /** MiB. */
  ram: Type.Integer(),
  /** GiB; 0: as large as the image. */
  disk: Type.Integer(),
  'OS-FLV-EXT-DATA:ephemeral': Type.Optional(Type.Integer()),
});
export type Flavor = Static<typeof Flavor>;

/** -1: no limit. */
export const ComputeLimits = Type.Object({
  maxTotalInstances: Type.Integer(),
  totalInstancesUsed: Type.Integer(),
  maxTotalCores: Type.Integer(),
  totalCoresUsed: Type.Integer(),
  /** MiB. */
  maxTotalRAMSize: Type.Integer(),
  totalRAMUsed: Type.Integer(),
  maxTotalKeypairs: Type.Optional(Type.Integer()),
  maxServerGroups: Type.Optional(Type.Integer()),
  totalServerGroupsUsed: Type.Optional(Type.Integer()),
  maxServerGroupMembers: Type.Optional(Type.Integer()),
});
export type ComputeLimits = Static<typeof ComputeLimits>;

const FlavorAnswer = Type.Object({ flavor: Flavor });
const LimitsAnswer = Type.Object({ limits: Type.Object({ absolute: ComputeLimits }) });
const Zone = Type.Object({ zoneName: Type.String(), zoneState: Type.Object({ available: Type.Boolean() }) });

/** What Nova has to offer to the project. */
export class ComputeOffers {
  readonly #compute: Service;

  constructor(compute: Service) {
    this.#compute = compute;
  }

  async flavors(options: CallOptions = {}): Promise<Flavor[]> {
    return await this.#compute.list('flavors', Flavor, { ...options, path: ['flavors', 'detail'] });
  }

  /** Null: there is none. */
  async flavor(id: string, options: CallOptions = {}): Promise<Flavor | null> {
    const request = { ...options, method: 'GET', path: ['flavors', id] } as const;
    return (await this.#compute.find(FlavorAnswer, request))?.flavor ?? null;
  }

  /** The quota, and how much of it is used. */
  async limits(options: CallOptions = {}): Promise<ComputeLimits> {
    const request = { ...options, method: 'GET', path: ['limits'] } as const;
    return (await this.#compute.ask(LimitsAnswer, request)).limits.absolute;
  }

  /** Names of those that are available. */
  async availabilityZones(options: CallOptions = {}): Promise<string[]> {
    const zones = await this.#compute.list('availabilityZoneInfo', Zone, {
      ...options,
      path: ['os-availability-zone'],
    });
    return zones.filter(({ zoneState }) => zoneState.available).map(({ zoneName }) => zoneName);
  }
}
