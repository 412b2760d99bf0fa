import type { World } from '../world.ts';

const paths: Readonly<Record<string, string>> = {
  identity: '/identity/v3',
  compute: '/compute/v2.1',
  network: '/network',
  image: '/image',
};

/** Each service has its part of the stand-in's one origin. */
export function catalog(world: World, projectId: string): object[] {
  const volume = world.settings.blockStorage ? { volumev3: `/volume/v3/${projectId}` } : {};
  return Object.entries({ ...paths, ...volume }).map(([type, path]) => ({
    id: type,
    type,
    name: type,
    endpoints: ['public', 'internal', 'admin'].map((side) => ({
      id: `${type}-${side}`,
      interface: side,
      region: 'RegionOne',
      region_id: 'RegionOne',
      url: `${world.origin}${path}`,
    })),
  }));
}
