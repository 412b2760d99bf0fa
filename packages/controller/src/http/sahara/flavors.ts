import { ApiError } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import type { Flavor } from '../../clouds/cloud.ts';
import type { HttpContext } from '../context.ts';
import { flavorOperations } from './flavor-operations.ts';
import type { SaharaOptions } from './sahara-resources.ts';

/**
 * Not Sahara's but Nova's: without Keystone the real client asks every service at the same address, and creating a node
 * group template begins with the flavor.
 */
export function flavorRoutes(
  app: FastifyInstance,
  { clouds }: HttpContext,
  { defaultCloud }: SaharaOptions,
): void {
  const flavors = async (projectId: string) =>
    (await clouds.get(defaultCloud ?? '')?.flavors?.(projectId)) ?? [];

  app.get('/v2/flavors', flavorOperations.list, async (request) => {
    return { flavors: (await flavors(request.principal.projectId)).map(viewFlavor) };
  });

  app.get<{ Params: { id: string } }>('/v2/flavors/:id', flavorOperations.get, async (request) => {
    const all = await flavors(request.principal.projectId);
    if (request.params.id === 'detail') return { flavors: all.map(viewFlavor) };
    const flavor = all.find(({ id }) => id === request.params.id);
    if (flavor) return { flavor: viewFlavor(flavor) };
    const message = `Flavor ${request.params.id} could not be found.`;
    // Nova's client takes the text from here, and breaks without.
    throw new ApiError(404, 'NOT_FOUND', message, { details: { message } });
  });
}

function viewFlavor({ id, name, ram, vcpus, disk }: Flavor) {
  return { id, name, ram, vcpus, disk, links: [] };
}
