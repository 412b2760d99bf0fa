import type { Machine } from '../hooks.ts';
import type { World } from '../world.ts';
import type { Server } from './nova.ts';

/** A server as hooks are told of it. */
export function machineOf({ neutron }: World, server: Server): Machine {
  const { id, name, project, imageId, userData, keypair, metadata, tags } = server;
  const addresses = neutron
    .portsOf(id)
    .flatMap(({ fixed_ips }) => fixed_ips.map(({ ip_address }) => ip_address));
  return {
    id,
    name,
    projectId: project,
    imageId,
    addresses,
    userData,
    publicKey: keypair?.public_key ?? null,
    metadata: { ...metadata },
    tags: [...tags],
  };
}
