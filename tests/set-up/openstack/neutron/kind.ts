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
  /** What it is shown and searched with, beside its attributes; undefined takes one away. */
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

/** A thing that a request names. */
export function findThing<T extends Thing>(kind: Kind<T>, given: unknown, project: string): T {
  const id = String(given);
  const thing = kind.things.get(id);
  if (thing && isVisible(kind, thing, project)) return thing;
  const { type, said } = absent[kind.one];
  throw neutron(404, type, said(id));
}

/** What Neutron says of each. */
const absent: Readonly<
  Record<NetworkQuota, { readonly type: string; readonly said: (id: string) => string }>
> = {
  network: { type: 'NetworkNotFound', said: (id) => `Network ${id} could not be found.` },
  subnet: { type: 'SubnetNotFound', said: (id) => `Subnet ${id} could not be found.` },
  port: { type: 'PortNotFound', said: (id) => `Port ${id} could not be found.` },
  router: { type: 'RouterNotFound', said: (id) => `Router ${id} could not be found` },
  floatingip: { type: 'FloatingIPNotFound', said: (id) => `Floating IP ${id} could not be found` },
  security_group: { type: 'SecurityGroupNotFound', said: (id) => `Security group ${id} does not exist` },
  security_group_rule: {
    type: 'SecurityGroupRuleNotFound',
    said: (id) => `Security group rule ${id} does not exist`,
  },
};

export function checkQuota(world: World, kind: Kind, project: string): void {
  const limit = world.settings.networkQuota[kind.one];
  const used = [...kind.things.values()].filter((thing) => thing.project_id === project).length;
  if (limit >= 0 && used >= limit)
    throw neutron(409, 'OverQuota', `Quota exceeded for resources: ['${kind.one}'].`);
}
