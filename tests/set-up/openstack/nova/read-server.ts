import { uuid } from '../ids.ts';
import { nova } from '../reply.ts';
import type { Asked, Json } from '../routes.ts';
import type { World } from '../world.ts';
import type { Keypair, Server, ServerGroup } from './nova.ts';

const known = [
  'name',
  'flavorRef',
  'imageRef',
  'networks',
  'key_name',
  'user_data',
  'config_drive',
  'metadata',
  'tags',
  'security_groups',
  'availability_zone',
  'block_device_mapping_v2',
  'description',
  'min_count',
  'max_count',
];

/** The server that a body wants, not yet put anywhere. Throws a Refusal. */
export function readServer(world: World, asked: Asked): Server {
  const { body, token, project, version } = asked;
  const wanted: Json = body?.server ?? {};
  check(wanted, version);
  const flavor = world.nova.flavors.find(({ id }) => id === wanted.flavorRef);
  if (!flavor) throw nova(400, `Flavor ${wanted.flavorRef} could not be found.`);
  const zone = wanted.availability_zone ?? world.settings.zones[0] ?? 'nova';
  if (!world.settings.zones.includes(zone))
    throw nova(400, 'The requested availability zone is not available');
  const now = Date.now();
  return {
    id: uuid(),
    name: wanted.name,
    project,
    user: token.user,
    flavor,
    imageId: readImage(world, wanted, project),
    keypair: readKeypair(world, token.user.id, wanted.key_name),
    userData: readUserData(wanted.user_data),
    configDrive: wanted.config_drive === true,
    zone,
    group: readGroup(world, body['os:scheduler_hints']?.group, project),
    created: now,
    updated: now,
    launched: null,
    status: 'BUILD',
    task: 'scheduling',
    metadata: { ...wanted.metadata },
    tags: [...(wanted.tags ?? [])],
    host: null,
    fault: null,
    ownPorts: new Set(),
  };
}

function check(wanted: Json, version: number): void {
  const unknown = Object.keys(wanted).filter(
    (name) => !known.includes(name) || (name === 'tags' && version < 52),
  );
  if (unknown.length > 0)
    throw nova(400, `Additional properties are not allowed ('${unknown[0]}' was unexpected)`);
  if (typeof wanted.name !== 'string' || !/^(?!\s)[^\p{Cc}]{1,255}$/u.test(wanted.name))
    throw nova(400, `Invalid input for field/attribute name. Value: ${wanted.name}.`);
  for (const [key, value] of Object.entries(wanted.metadata ?? {}))
    if (!/^[\w\-. :]{1,255}$/.test(key) || typeof value !== 'string' || value.length > 255)
      throw nova(
        400,
        `Invalid input for field/attribute ${key}. Value: ${value}. It is too long or no text.`,
      );
  for (const tag of wanted.tags ?? [])
    if (!/^[^,/]{1,60}$/.test(tag)) throw nova(400, `Invalid input for field/attribute tags. Value: ${tag}.`);
  if (new Set(wanted.tags).size > 50) throw nova(400, 'The number of tags exceeded the per-server limit 50');
}

function readImage({ glance }: World, wanted: Json, project: string): string | null {
  const { imageRef, block_device_mapping_v2: disks = [] } = wanted;
  const root = disks.find((disk: Json) => disk.boot_index === 0);
  if (imageRef === undefined || imageRef === '') {
    if (!root) throw nova(400, 'Missing imageRef attribute');
    return null;
  }
  if (!/^[\da-f-]{36}$/.test(imageRef))
    throw nova(
      400,
      `Invalid input for field/attribute imageRef. Value: ${imageRef}. '${imageRef}' is not valid under any of the given schemas`,
    );
  const image = glance.find(imageRef, project);
  if (!image) throw nova(400, 'Can not find requested image');
  if (image.status !== 'active') throw nova(400, `Image ${imageRef} is not active.`);
  return image.id;
}

function readKeypair(world: World, userId: string, name: string | undefined | null): Keypair | null {
  if (name === undefined || name === null) return null;
  const found = world.nova.keypair(userId, name);
  if (!found) throw nova(400, 'Invalid key_name provided.');
  return found;
}

function readUserData(encoded: string | undefined): string | null {
  if (encoded === undefined || encoded === null) return null;
  if (encoded.length > 65_535)
    throw nova(
      400,
      `Invalid input for field/attribute user_data. Value: ${encoded}. '${encoded}' is too long`,
    );
  return Buffer.from(encoded, 'base64').toString('utf8');
}

function readGroup(
  { nova: state, settings }: World,
  id: string | undefined,
  project: string,
): ServerGroup | null {
  if (id === undefined) return null;
  const group = state.groups.get(id);
  if (!group || group.project_id !== project) throw nova(400, `Instance group ${id} could not be found.`);
  const most = settings.computeQuota.server_group_members;
  if (most >= 0 && state.members(group).length >= most)
    throw nova(403, 'Quota exceeded, too many servers in group');
  return group;
}
