import { uuid } from './ids.ts';
import { nova } from './reply.ts';
import type { Route } from './routes.ts';
import type { World } from './world.ts';

const types = [{ id: uuid(), name: 'fast', description: null, is_public: true, extra_specs: {} }];

/** What Cinder offers. It makes no volumes. */
export function cinderRoutes({ settings }: World): Route[] {
  const base = '/volume/v3/:project';
  const answers: Readonly<Record<string, () => object>> = {
    types: () => ({ volume_types: types }),
    'volumes/detail': () => ({ volumes: [] }),
    'os-availability-zone': () => ({
      availabilityZoneInfo: settings.zones.map((zoneName) => ({ zoneName, zoneState: { available: true } })),
    }),
    limits: () => {
      const { volumes, gigabytes } = settings.volumeQuota;
      const used = { totalVolumesUsed: 0, totalGigabytesUsed: 0, totalSnapshotsUsed: 0 };
      const absolute = { maxTotalVolumes: volumes, maxTotalVolumeGigabytes: gigabytes, ...used };
      return { limits: { rate: [], absolute } };
    },
  };
  return Object.entries(answers).map(([path, answer]) => ({
    method: 'GET',
    pattern: `${base}/${path}`,
    handler({ params, project }) {
      if (!settings.blockStorage || params.project !== project)
        throw nova(404, 'The resource could not be found.');
      return { status: 200, body: answer() };
    },
  }));
}
