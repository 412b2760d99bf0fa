import { ApiError, type FieldPath } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import { givenToken } from '../../auth/principal.ts';
import type { CloudQuestions } from '../../clouds/cloud.ts';
import type { ClusterSpec } from '../../clusters/cluster-request.ts';
import type { NodeGroupValues } from '../../clusters/node-group.ts';
import type { PluginRelease } from '../../clusters/plugin.ts';
import { isPublicKey } from '../../clusters/public-key.ts';
import { registeredImages } from '../../storage/images.ts';
import type { Schema } from '../../storage/schema.ts';

/** Where the things are that requests refer to. */
export interface ReferencePlace {
  readonly db: Kysely<Schema>;
  readonly cloud: CloudQuestions;
  readonly projectId: string;
}

/** What a cluster refers to besides its node groups; `complete`: it is to be made, not only described. */
export async function checkClusterReferences(
  place: ReferencePlace,
  release: PluginRelease,
  spec: ClusterSpec,
  { complete }: { readonly complete: boolean },
): Promise<void> {
  const { cloud } = place;
  const imageField = ['default_image_id'];
  if (spec.default_image_id) await checkImage(place, release, spec.default_image_id, imageField);
  else if (complete && cloud.requires?.includes('image'))
    throw missing("'default_image_id' field is not found", imageField);
}

/** Told last, as Sahara does. */
export async function checkNetworkReference(
  { cloud, projectId }: ReferencePlace,
  spec: ClusterSpec,
  { complete }: { readonly complete: boolean },
): Promise<void> {
  const network = spec.neutron_management_network;
  const field = ['neutron_management_network'];
  if (!network) {
    if (complete && cloud.requires?.includes('network'))
      throw missing("'neutron_management_network' field is not found", field);
    return;
  }
  if (cloud.networks && !(await cloud.networks(projectId)).some(({ id }) => id === network))
    throw missing(`Network ${network} not found`, field);
}

/** `where` in the request the node group stands. */
export async function checkNodeGroupReferences(
  place: ReferencePlace,
  release: PluginRelease,
  values: NodeGroupValues,
  where: FieldPath = [],
): Promise<void> {
  const { cloud, projectId } = place;
  if (values.image_id) await checkImage(place, release, values.image_id, [...where, 'image_id']);
  if (values.volumes_per_node > 0) await checkVolumes(place, values, where);

  const pool = values.floating_ip_pool;
  if (pool && cloud.networks && !(await cloud.networks(projectId)).some(({ id }) => id === pool))
    throw missing(`Floating IP pool ${pool} not found`, [...where, 'floating_ip_pool']);
  if (values.security_groups?.length && cloud.securityGroups) {
    const known = await cloud.securityGroups(projectId);
    for (const [index, name] of values.security_groups.entries())
      if (!known.includes(name))
        throw missing(`Security group '${name}' not found`, [...where, 'security_groups', index]);
  }
  const zone = values.availability_zone;
  if (zone && cloud.zones && !(await cloud.zones(projectId)).machines.includes(zone))
    throw missing(`Nova availability zone '${zone}' not found`, [...where, 'availability_zone']);
}

async function checkVolumes(
  { cloud, projectId }: ReferencePlace,
  values: NodeGroupValues,
  where: FieldPath,
): Promise<void> {
  const zone = values.volumes_availability_zone;
  if (zone && cloud.zones && !(await cloud.zones(projectId)).volumes.includes(zone))
    throw missing(`Cinder availability zone '${zone}' not found`, [...where, 'volumes_availability_zone']);
  const type = values.volume_type;
  if (type && cloud.volumeTypes && !(await cloud.volumeTypes(projectId)).includes(type))
    throw missing(`Volume type '${type}' not found`, [...where, 'volume_type']);
}

/** It has to be registered, with all the tags that the plugin wants. `where` in the request it stands. */
export async function checkImage(
  { db, cloud, projectId }: ReferencePlace,
  release: PluginRelease,
  id: string,
  where: FieldPath,
): Promise<void> {
  if (!cloud.images) return;
  const image = (await registeredImages(db, projectId, cloud.name)).get(id);
  if (!image || !(await cloud.images(projectId)).some((one) => one.id === id))
    throw new ApiError(400, 'INVALID_REFERENCE', `Requested image '${id}' is not registered`, {
      hint: 'see GET …/images for those that are',
      fields: [where],
    });
  const lacking = release.requiredImageTags.filter((tag) => !image.tags.includes(tag));
  if (lacking.length > 0)
    throw new ApiError(
      400,
      'INVALID_REFERENCE',
      `Tags of requested image '${id}' don't contain required tags ['${lacking.join("', '")}']`,
      { fields: [where] },
    );
}

/**
 * Who is let in besides the controller (OpenSSH public key), as whoever makes the request has that key pair; null: nobody.
 * Asked once for each cluster, since others may have a pair of that name too.
 */
export async function findUserKey(
  cloud: CloudQuestions,
  request: FastifyRequest,
  { user_keypair_id: name }: ClusterSpec,
): Promise<string | null> {
  if (!name || !cloud.keyPair) return null;
  const asking = { projectId: request.principal.projectId, token: givenToken(request.headers) };
  const key = await cloud.keyPair(asking, name);
  const field = ['user_keypair_id'];
  if (key === null) throw missing(`Requested keypair '${name}' not found`, field);
  if (isPublicKey(key)) return key;
  const hint = 'create it with the type ssh';
  throw new ApiError(400, 'INVALID_REFERENCE', `Keypair '${name}' is none of SSH`, { hint, fields: [field] });
}

/** 400, as the thing that is missing is not what was asked for. */
function missing(message: string, field: FieldPath): ApiError {
  return new ApiError(400, 'NOT_FOUND', message, { fields: [field] });
}
