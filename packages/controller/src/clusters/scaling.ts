import { ApiError, type FieldPath, isUuid } from '@wadi/api';
import { dashed } from './node-group.ts';

export interface ScalableGroup {
  readonly id: string;
  readonly name: string;
  readonly count: number;
  readonly isProxy: boolean;
  /** Its machines; none for a group that is about to be added. */
  readonly instances: readonly ScalableInstance[];
  /** Machines that wait to be taken, in this order. Absent: further ones are made. */
  readonly spares?: readonly SpareMachine[] | undefined;
}

export interface SpareMachine {
  readonly name: string;
  /** Its number in the group, which stays its own while it is not in use. */
  readonly index: number;
  readonly isProxy: boolean;
}

export interface ScalableInstance {
  readonly id: string;
  readonly name: string;
  readonly index: number;
}

export interface Resize {
  readonly name: string;
  readonly count: number;
  /** Names or ids of machines that shall go. */
  readonly instances?: readonly string[];
}

/** What a scaling does, machine by machine, settled before it begins. As JSON it is what the workflow goes by. */
export interface ScalingPlan {
  /** Ids of the machines that go. */
  readonly remove: readonly string[];
  readonly add: readonly ScalingPlace[];
  /** Ids of the node groups that the scaling brings along. */
  readonly newGroups: readonly string[];
}

export interface ScalingPlace {
  readonly nodeGroupId: string;
  readonly index: number;
  readonly name: string;
}

/** The refusals, in the contract's order and words. */
export function checkResizes(groups: readonly ScalableGroup[], resizes: readonly Resize[]): void {
  for (const [index, { name }] of resizes.entries())
    if (!groups.some((group) => group.name === name))
      throw new ApiError(400, 'INVALID_REFERENCE', `Cluster doesn't contain node group with name '${name}'`, {
        hint: `it has: ${groups.map((group) => group.name).join(', ')}`,
        fields: [['resize_node_groups', index, 'name']],
      });
  for (const [index, resize] of resizes.entries()) {
    const group = groups.find(({ name }) => name === resize.name);
    if (group && resize.instances)
      checkNamed(group, resize.count, resize.instances, ['resize_node_groups', index]);
  }
}

function checkNamed(group: ScalableGroup, count: number, named: readonly string[], resize: FieldPath): void {
  const where = [...resize, 'instances'];
  const decrease = group.count - count;
  // The parenthesis is not closed in Sahara either; scripts match on the text.
  if (named.length > decrease)
    throw new ApiError(
      400,
      'INVALID_DATA',
      `Number of specific instances (${named.length}) to delete can not be greater than the count difference ` +
        `(${decrease} during scaling`,
      { fields: [where, [...resize, 'count']] },
    );
  if (new Set(named.map(isUuid)).size > 1)
    throw new ApiError(
      400,
      'INVALID_DATA',
      'You can only reference instances by Name or UUID, not both on the same request',
      { fields: [where] },
    );
  for (const [index, one] of named.entries())
    if (!group.instances.some((instance) => isCalled(instance, one)))
      throw new ApiError(400, 'INVALID_REFERENCE', `Node group '${group.name}' has no instance '${one}'`, {
        hint: `it has: ${group.instances.map(({ name }) => name).join(', ')}`,
        fields: [[...where, index]],
      });
  if (new Set(named.map(dashed)).size < named.length)
    throw new ApiError(400, 'INVALID_DATA', `instances of node group '${group.name}' names one twice`, {
      fields: [where],
    });
}

/**
 * Machines of other groups are reached through the proxies, so one must be there at every moment: also between the
 * removals, which come first, and the additions, which may fail.
 */
export function checkProxiesStay(
  clusterName: string,
  groups: readonly ScalableGroup[],
  added: readonly ScalableGroup[],
  resizes: readonly Resize[],
): void {
  const counts = new Map(resizes.map(({ name, count }) => [name, count]));
  const last = [...groups, ...added].map((group) => ({
    ...group,
    count: counts.get(group.name) ?? group.count,
  }));
  const between = groups.map((group) => ({
    ...group,
    count: Math.min(group.count, counts.get(group.name) ?? group.count),
  }));
  for (const state of [between, last]) {
    if (!lacksProxy(state)) continue;
    const names = state.flatMap(({ isProxy, name }) => (isProxy ? [`'${name}'`] : [])).join(', ');
    throw new ApiError(
      400,
      'INVALID_DATA',
      `Cluster '${clusterName}' would have no proxy (${names}), but its other machines are reached through one`,
      {
        hint: 'keep at least one machine of a proxy group; to replace the last, add another proxy first',
        fields: resizes.flatMap(({ name }, index) =>
          groups.some((group) => group.isProxy && group.name === name)
            ? [['resize_node_groups', index, 'count']]
            : [],
        ),
      },
    );
  }
}

/**
 * What the groups say may not be what is: of the proxies some may be drained or fenced, and a promoted machine is one. The
 * last that is in use may not go while others need it.
 * @param machines all of the cluster, `serves`: others are reached through it
 * @param remove ids of those that go
 */
export function checkServingStay(
  clusterName: string,
  machines: readonly { readonly id: string; readonly name: string; readonly serves: boolean }[],
  remove: readonly string[],
): void {
  const goes = new Set(remove);
  const serving = machines.filter(({ serves }) => serves);
  const others = machines.filter(({ id, serves }) => !serves && !goes.has(id));
  if (serving.length === 0 || others.length === 0 || serving.some(({ id }) => !goes.has(id))) return;
  const names = serving.map(({ name }) => name).join(', ');
  throw new ApiError(
    400,
    'INVALID_DATA',
    `Cluster '${clusterName}' would lose the last proxy that is in use (${names}), but its other machines are reached through it`,
    { hint: 'see them: wadi proxies CLUSTER; readmit another proxy, or promote another machine, first' },
  );
}

/** Where machines are taken from a pool: whether there are enough of the kind. */
export function checkSpares(
  groups: readonly ScalableGroup[],
  added: readonly ScalableGroup[],
  resizes: readonly Resize[],
): void {
  for (const { name, isProxy, spares, count } of growth(groups, added, resizes)) {
    if (!spares || count <= 0) continue;
    const hint = 'see them: wadi cluster machines CLUSTER; add some: wadi cluster add-machines CLUSTER FILE';
    if (count > spares.length)
      throw new ApiError(
        400,
        'INVALID_REFERENCE',
        `Node group '${name}' would take ${count} of its spare machines, of which it has ${spares.length}`,
        { hint },
      );
    // The address of one that is no proxy means something behind a proxy only; it is not for the controller to dial.
    const others = spares.slice(0, count).filter((spare) => spare.isProxy !== isProxy);
    if (others.length === 0) continue;
    const [is, are] = isProxy ? ['a proxy group', 'no proxies'] : ['no proxy group', 'proxies'];
    const who = others.map((spare) => spare.name).join(', ');
    throw new ApiError(400, 'INVALID_REFERENCE', `Node group '${name}' is ${is}, but ${who} are ${are}`, {
      hint,
    });
  }
}

/** What each group gets more than it has; negative: how many go. */
function growth(
  groups: readonly ScalableGroup[],
  added: readonly ScalableGroup[],
  resizes: readonly Resize[],
): readonly ScalableGroup[] {
  const resized = resizes.flatMap(({ name, count }) => {
    const group = groups.find((one) => one.name === name);
    return group ? [{ ...group, count: count - group.count }] : [];
  });
  return [...resized, ...added];
}

/** Whether machines need a proxy and there is none. */
export function lacksProxy(
  groups: readonly { readonly isProxy: boolean; readonly count: number }[],
): boolean {
  const has = (isProxy: boolean) => groups.some((group) => group.isProxy === isProxy && group.count > 0);
  return groups.some((group) => group.isProxy) && has(false) && !has(true);
}

/** Call it with what the checks above accepted. */
export function planScaling(
  clusterName: string,
  groups: readonly ScalableGroup[],
  added: readonly ScalableGroup[],
  resizes: readonly Resize[],
): ScalingPlan {
  const remove = resizes.flatMap((resize) => {
    const group = groups.find(({ name }) => name === resize.name);
    return group ? leaving(group, resize) : [];
  });
  const add = growth(groups, added, resizes).flatMap((group) => further(clusterName, group));
  return { remove, add, newGroups: added.map(({ id }) => id) };
}

/** The named ones, then the highest numbers. */
function leaving(
  { count: now, instances }: ScalableGroup,
  { count, instances: named = [] }: Resize,
): string[] {
  const chosen = instances.filter((instance) => named.some((one) => isCalled(instance, one)));
  const others = instances.filter((instance) => !chosen.includes(instance)).sort((a, b) => b.index - a.index);
  return [...chosen, ...others].slice(0, Math.max(0, now - count)).map(({ id }) => id);
}

/**
 * Spare machines with the numbers that they have, or numbers above the highest: the name of a machine that was removed
 * from among others stays its own.
 */
function further(clusterName: string, { id, name, instances, spares, count }: ScalableGroup): ScalingPlace[] {
  if (spares)
    return spares
      .slice(0, Math.max(0, count))
      .map((spare) => ({ nodeGroupId: id, index: spare.index, name: spare.name }));
  const first = Math.max(-1, ...instances.map(({ index }) => index)) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, place) => ({
    nodeGroupId: id,
    index: first + place,
    name: instanceName(clusterName, name, first + place),
  }));
}

export function instanceName(clusterName: string, groupName: string, index: number): string {
  return `${clusterName}-${groupName}-${index}`.toLowerCase();
}

function isCalled({ id, name }: ScalableInstance, nameOrId: string): boolean {
  return name === nameOrId || id === dashed(nameOrId);
}
