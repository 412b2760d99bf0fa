import { type Static, Type } from 'typebox';
import type { DeleteOptions, Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';

const NullableText = Type.Union([Type.String(), Type.Null()]);

export const Volume = Type.Object({
  id: Type.String(),
  name: NullableText,
  description: Type.Optional(NullableText),
  /** `creating`, `available`, `in-use`, `deleting`, `error`, … */
  status: Type.String(),
  /** GiB. */
  size: Type.Integer(),
  volume_type: Type.Optional(NullableText),
  availability_zone: Type.Optional(NullableText),
  /** `true`: as text. */
  bootable: Type.String(),
  metadata: Type.Record(Type.String(), Type.String()),
  attachments: Type.Array(Type.Object({ server_id: Type.String(), device: Type.Optional(NullableText) })),
  created_at: Type.String(),
});
export type Volume = Static<typeof Volume>;

export interface NewVolume {
  /** GiB. */
  readonly size: number;
  readonly name: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly volume_type?: string;
  readonly availability_zone?: string;
  readonly imageRef?: string;
  readonly snapshot_id?: string;
}

export interface VolumeFilter {
  readonly name?: string;
  readonly status?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** -1: no limit. Sizes in GiB. */
export const VolumeLimits = Type.Object({
  maxTotalVolumes: Type.Integer(),
  totalVolumesUsed: Type.Integer(),
  maxTotalVolumeGigabytes: Type.Integer(),
  totalGigabytesUsed: Type.Integer(),
});
export type VolumeLimits = Static<typeof VolumeLimits>;

const VolumeAnswer = Type.Object({ volume: Volume });
const Zone = Type.Object({ zoneName: Type.String(), zoneState: Type.Object({ available: Type.Boolean() }) });
const LimitsAnswer = Type.Object({ limits: Type.Object({ absolute: VolumeLimits }) });
const VolumeType = Type.Object({ id: Type.String(), name: Type.String() });
export type VolumeType = Static<typeof VolumeType>;

export class Volumes {
  readonly #storage: Service;

  constructor(storage: Service) {
    this.#storage = storage;
  }

  /** Not repeated once it was sent: volumes have no tags, so look by name and metadata. */
  async create(volume: NewVolume, options: CallOptions = {}): Promise<Volume> {
    const request = { ...options, method: 'POST', path: ['volumes'], body: { volume } } as const;
    return (await this.#storage.ask(VolumeAnswer, request)).volume;
  }

  /** Null: there is none. */
  async get(id: string, options: CallOptions = {}): Promise<Volume | null> {
    const request = { ...options, method: 'GET', path: ['volumes', id] } as const;
    return (await this.#storage.find(VolumeAnswer, request))?.volume ?? null;
  }

  async list(filter: VolumeFilter = {}, options: CallOptions = {}): Promise<Volume[]> {
    const { name, status, metadata = {} } = filter;
    const path = ['volumes', 'detail'];
    const volumes = await this.#storage.list('volumes', Volume, {
      ...options,
      path,
      query: { name, status },
    });
    return volumes.filter(
      (volume) =>
        (name === undefined || volume.name === name) &&
        Object.entries(metadata).every(([key, value]) => volume.metadata[key] === value),
    );
  }

  /** Accepted, not done. One that is attached is refused. */
  async delete(id: string, options?: DeleteOptions): Promise<void> {
    await this.#storage.remove(['volumes', id], options);
  }

  async types(options: CallOptions = {}): Promise<VolumeType[]> {
    return await this.#storage.list('volume_types', VolumeType, { ...options, path: ['types'] });
  }

  /** The quota, and how much of it is used. */
  /** Names of those that are available. */
  async availabilityZones(options: CallOptions = {}): Promise<string[]> {
    const request = { ...options, path: ['os-availability-zone'] };
    const zones = await this.#storage.list('availabilityZoneInfo', Zone, request);
    return zones.filter(({ zoneState }) => zoneState.available).map(({ zoneName }) => zoneName);
  }

  async limits(options: CallOptions = {}): Promise<VolumeLimits> {
    const request = { ...options, method: 'GET', path: ['limits'] } as const;
    return (await this.#storage.ask(LimitsAnswer, request)).limits.absolute;
  }
}
