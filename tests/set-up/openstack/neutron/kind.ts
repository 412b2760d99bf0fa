import { neutron } from '../reply.ts';
import type { Json } from '../routes.ts';
import type { NetworkQuota } from '../settings.ts';
import type { World } from '../world.ts';
import type { Thing } from './neutron.ts';

/** One kind of resource: what is particular about it. */
export interface Kind<T extends Thing = Thing> {
  /** `security-groups` */
  readonly path: string;
  /** `security_group`, as in bodies and quotas. */
  readonly one: NetworkQuota;
  readonly many: string;
  readonly things: Map<string, T>;
  /** Attributes that a creation may have. */
  readonly creatable: readonly string[];
  readonly changeable: readonly string[];
  /** Beside the attributes of a thing: what it is shown and searched with. */
  show(thing: T): object;
  /** Whether other projects see it. */
  isShared?(thing: T): boolean;
  /** Throws a Refusal, or returns what is put among the others. */
  create(fields: Json, project: string): T;
  change(thing: T, changes: Json): void;
  /** Throws a Refusal, or undoes what hangs on it. */
  remove(thing: T): void;
}

export function isVisible<T extends Thing>(kind: Kind<T>, thing: T, project: string): boolean {
  return thing.project_id === project || (kind.isShared?.(thing) ?? false);
}

/** A thing that a body names. */
export function findThing<T extends Thing>(kind: Kind<T>, id: unknown, project: string, type: string): T {
  const thing = kind.things.get(String(id));
  if (!thing || !isVisible(kind, thing, project)) throw notFound(type, String(id));
  return thing;
}

export function notFound(type: string, id: string) {
  return neutron(404, `${type}NotFound`, `${type} ${id} could not be found.`);
}

export function checkQuota(world: World, kind: Kind, project: string): void {
  const limit = world.settings.networkQuota[kind.one];
  const used = [...kind.things.values()].filter((thing) => thing.project_id === project).length;
  if (limit >= 0 && used >= limit)
    throw neutron(409, 'OverQuota', `Quota exceeded for resources: ['${kind.one}'].`);
}
