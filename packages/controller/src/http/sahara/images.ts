import { ApiError, type Image, ImageRegister, ImageTags } from '@wadi/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Cloud, CloudImage } from '../../clouds/cloud.ts';
import {
  type ImageRow,
  registeredImages,
  registerImage,
  tagImage,
  unregisterImage,
} from '../../storage/images.ts';
import type { HttpContext } from '../context.ts';
import { imageOperations } from './image-operations.ts';
import { checkQuery } from './list-query.ts';
import { readBody } from './read-body.ts';
import { notFound } from './refusals.ts';
import type { SaharaOptions } from './sahara-resources.ts';

interface ById {
  Params: { id: string };
}

/** Which images of the cloud a project uses, and what it says of them. */
export function imageRoutes(
  app: FastifyInstance,
  { db, clouds }: HttpContext,
  { defaultCloud }: SaharaOptions,
): void {
  const cloud = clouds.get(defaultCloud ?? '');
  const key = (request: FastifyRequest, id: string) => ({
    project_id: request.principal.projectId,
    cloud: cloud?.name ?? '',
    image_id: id,
  });
  const find = async (request: FastifyRequest<ById>): Promise<CloudImage> => {
    const { id } = request.params;
    const image = (await imagesOf(cloud, request)).find((one) => one.id === id);
    if (!image) throw notFound({ id });
    return image;
  };

  app.get('/v2/images', imageOperations.list, async (request) => {
    checkQuery(request, 'images_list');
    const { name, tags, username } = request.query as Record<string, string | string[] | undefined>;
    const rows = await registeredImages(db, request.principal.projectId, cloud?.name ?? '');
    const images = (await imagesOf(cloud, request)).flatMap((image) => {
      const row = rows.get(image.id);
      if (!row || !image.name.includes(first(name) ?? '')) return [];
      if (first(username) !== undefined && first(username) !== row.username) return [];
      const wanted = tags === undefined ? [] : [tags].flat();
      return wanted.every((tag) => row.tags.includes(tag)) ? [viewImage(image, row)] : [];
    });
    return { images };
  });

  app.get<ById>('/v2/images/:id', imageOperations.get, async (request) => {
    const image = await find(request);
    checkQuery(request, 'images_get');
    return { image: viewImage(image, await registered(request)) };
  });

  app.post<ById>('/v2/images/:id', imageOperations.register, async (request, reply) => {
    const image = await find(request);
    const { username, description = '' } = readBody(ImageRegister, request);
    checkText({ username, description });
    checkQuery(request, 'images_set');
    const row = await registerImage(db, key(request, image.id), { username, description });
    reply.code(202);
    return { image: viewImage(image, row) };
  });

  app.delete<ById>('/v2/images/:id', imageOperations.unregister, async (request, reply) => {
    const image = await find(request);
    checkQuery(request, 'images_unset');
    await unregisterImage(db, key(request, image.id));
    reply.code(204);
  });

  for (const [action, name] of [
    ['tag', 'add'],
    ['untag', 'remove'],
  ] as const)
    app.post<ById>(`/v1.1/images/:id/${action}`, { config: { version1: true } }, async (request, reply) => {
      const image = await find(request);
      const { tags } = readBody(ImageTags, request);
      const change = name === 'add' ? { add: tags } : { remove: tags };
      const row = await tagImage(db, key(request, image.id), change);
      if (!row) throw notRegistered(image.id);
      reply.code(202);
      return { image: viewImage(image, row) };
    });

  app.get<ById>('/v2/images/:id/tags', imageOperations.getTags, async (request) => {
    await find(request);
    checkQuery(request, 'images_tags_get');
    const { tags } = await registered(request);
    // As recorded: nobody's client can read it, and nobody's may break over it.
    return tags.length === 0 ? {} : tags;
  });

  app.put<ById>('/v2/images/:id/tags', imageOperations.setTags, async (request) => {
    const image = await find(request);
    const { tags } = readBody(ImageTags, request);
    checkQuery(request, 'images_tags_set');
    const row = await tagImage(db, key(request, image.id), { set: tags });
    if (!row) throw notRegistered(image.id);
    const view = viewImage(image, row);
    // The real client looks for the fields at the top and fails without.
    return { image: view, ...view };
  });

  app.delete<ById>('/v2/images/:id/tags', imageOperations.deleteTags, async (request, reply) => {
    const image = await find(request);
    checkQuery(request, 'images_tags_delete');
    if (!(await tagImage(db, key(request, image.id), { set: [] }))) throw notRegistered(image.id);
    reply.code(204);
  });

  async function registered(request: FastifyRequest<ById>): Promise<ImageRow> {
    const { id } = request.params;
    const row = (await registeredImages(db, request.principal.projectId, cloud?.name ?? '')).get(id);
    if (!row) throw notRegistered(id);
    return row;
  }
}

async function imagesOf(cloud: Cloud | undefined, request: FastifyRequest): Promise<readonly CloudImage[]> {
  return (await cloud?.images?.(request.principal.projectId)) ?? [];
}

function notRegistered(id: string): ApiError {
  return new ApiError(400, 'IMAGE_NOT_REGISTERED', `Image ${id} is not registered in Sahara`, {
    hint: 'register it: POST …/images/{id} with the name of the user who logs in',
  });
}

function viewImage(image: CloudImage, row: ImageRow): Image {
  return {
    'OS-EXT-IMG-SIZE:size': image.size,
    metadata: {
      ...(row.description !== '' && { _sahara_description: row.description }),
      _sahara_username: row.username,
      ...Object.fromEntries(row.tags.map((tag) => [`_sahara_tag_${tag}`, 'True'])),
    },
    minDisk: image.minDisk,
    minRam: image.minRam,
    progress: 100,
    status: 'ACTIVE',
    created: image.created,
    updated: image.updated,
    username: row.username,
    description: row.description,
    tags: row.tags,
    id: image.id,
    name: image.name,
  };
}

function first(value: string | string[] | undefined): string | undefined {
  return [value].flat()[0];
}

/** What PostgreSQL cannot store. */
function checkText(fields: Record<string, string>): void {
  for (const [name, value] of Object.entries(fields))
    if (value.includes('\0'))
      throw new ApiError(400, 'VALIDATION_ERROR', `${name}: the value has a NUL in it`);
}
