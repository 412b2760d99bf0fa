import { seconds, uuid } from './ids.ts';
import { pageOf } from './page.ts';
import { glance as refusal } from './reply.ts';
import type { Asked, Json, Route } from './routes.ts';
import type { World } from './world.ts';

/** With the properties that somebody gave it beside these. */
export interface Image {
  readonly id: string;
  readonly name: string | null;
  readonly owner: string;
  readonly visibility: string;
  status: string;
  size: number | null;
  readonly tags: readonly string[];
  readonly [property: string]: unknown;
}

/** What Glance holds. */
export class Glance {
  readonly images = new Map<string, Image>();

  add(owner: string, fields: Json): Image {
    const now = seconds();
    const image: Image = {
      id: uuid(),
      name: null,
      owner,
      visibility: 'shared',
      status: 'queued',
      size: null,
      tags: [],
      min_disk: 0,
      min_ram: 0,
      disk_format: null,
      container_format: null,
      protected: false,
      os_hidden: false,
      created_at: now,
      updated_at: now,
      ...fields,
    };
    this.images.set(image.id, image);
    return image;
  }

  /** Undefined: there is none, or the project does not see it. */
  find(id: string, project: string): Image | undefined {
    const image = this.images.get(id);
    return image && (image.owner === project || ['public', 'community'].includes(image.visibility))
      ? image
      : undefined;
  }
}

const pattern = '/image/v2/images';

export function glanceRoutes({ glance, settings }: World): Route[] {
  function find({ params, project }: Asked): Image {
    const image = glance.find(params.id ?? '', project);
    if (!image) throw refusal(404, `No image found with ID ${params.id}`);
    return image;
  }

  function own(asked: Asked): Image {
    const image = find(asked);
    if (image.owner !== asked.project) throw refusal(403, 'You do not own this image');
    return image;
  }

  return [
    {
      method: 'POST',
      pattern,
      handler({ body, project }) {
        if (body?.id !== undefined && glance.images.has(body.id))
          throw refusal(409, `Image ID ${body.id} already exists!`);
        if (body?.visibility === 'public')
          throw refusal(403, 'You are not authorized to complete publicize_image action.');
        return { status: 201, body: describe(glance.add(project, body)) };
      },
    },
    {
      method: 'GET',
      pattern,
      handler({ query, project }) {
        const visible = [...glance.images.values()].filter((image) => {
          const isMember = image.owner === project || image.visibility === 'public';
          return isMember && isWanted(image, query);
        });
        const { items, next } = pageOf(visible, query, { url: '/v2/images', most: settings.mostPerPage });
        const body = { images: items.map(describe), first: '/v2/images', schema: '/v2/schemas/images' };
        return { status: 200, body: next === null ? body : { ...body, next } };
      },
    },
    {
      method: 'GET',
      pattern: `${pattern}/:id`,
      handler: (asked) => ({ status: 200, body: describe(find(asked)) }),
    },
    {
      method: 'PUT',
      pattern: `${pattern}/:id/file`,
      handler(asked) {
        const image = own(asked);
        if (image.status !== 'queued')
          throw refusal(409, `Image status transition from ${image.status} to saving is not allowed`);
        Object.assign(image, { status: 'active', size: Buffer.byteLength(asked.body ?? '') });
        return { status: 204 };
      },
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:id`,
      handler(asked) {
        glance.images.delete(own(asked).id);
        return { status: 204 };
      },
    },
  ];
}

function describe(image: Image): object {
  const { id } = image;
  return { ...image, self: `/v2/images/${id}`, file: `/v2/images/${id}/file`, schema: '/v2/schemas/image' };
}

function isWanted(image: Image, query: URLSearchParams): boolean {
  const same = ['name', 'status', 'visibility'].every((field) => {
    const wanted = query.get(field);
    return wanted === null || image[field] === wanted || (field === 'visibility' && wanted === 'all');
  });
  return same && query.getAll('tag').every((tag) => image.tags.includes(tag));
}
