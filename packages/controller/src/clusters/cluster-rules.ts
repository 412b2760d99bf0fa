import { ApiError, type FieldPath } from '@wadi/api';

interface Group {
  readonly name: string;
  readonly count: number;
  readonly isProxy: boolean;
}

/** Names of machines are lower case: groups that differ in nothing else would have the same machines. `where` they stand in the request. */
export function checkGroupNames(
  groups: readonly { readonly name: string }[],
  where: FieldPath = ['node_groups'],
): void {
  const names = groups.map((group) => group.name.toLowerCase());
  const again = names.flatMap((name, index) => (names.indexOf(name) === index ? [] : [index]));
  if (again.length === 0) return;
  const twice = [...new Set(again.map((index) => groups[index]?.name))];
  throw new ApiError(
    400,
    'INVALID_DATA',
    `Duplicates in node group names are detected: [${twice.map((name) => `'${name}'`).join(', ')}]`,
    { fields: again.map((index) => [...where, index, 'name']) },
  );
}

/** A cluster that is reached through proxies needs one: without it nobody could ever get in. */
export function checkProxies(
  clusterName: string,
  groups: readonly Group[],
  where: FieldPath = ['node_groups'],
): void {
  const proxies = groups.filter((group) => group.isProxy);
  if (proxies.length === 0 || proxies.some((group) => group.count > 0)) return;
  const names = proxies.map((group) => `'${group.name}'`).join(', ');
  const subject = proxies.length === 1 ? `node group ${names} is` : `node groups ${names} are`;
  throw new ApiError(
    400,
    'INVALID_DATA',
    `Cluster '${clusterName}' would have no proxy: ${subject} marked is_proxy, with count 0`,
    {
      hint: 'give a proxy group a count of at least 1, or clear is_proxy to reach all machines directly',
      fields: groups.flatMap(({ isProxy }, index) => (isProxy ? [[...where, index, 'count']] : [])),
    },
  );
}

/** A cloud without limits would be asked for whatever somebody mistyped. */
const mostAdded = 10_000;

/** The machines that one request adds, `times` over. `where` each group stands in it. */
export function checkMachines(
  groups: readonly { readonly count: number; readonly where: FieldPath }[],
  times = 1,
): void {
  const added = groups.reduce((sum, { count }) => sum + count, 0) * times;
  if (added <= mostAdded) return;
  const text = `${added} machines are more than one request may add, which is ${mostAdded}`;
  const fields = groups.map(({ where }) => [...where, 'count']);
  throw new ApiError(400, 'INVALID_DATA', text, { fields: times > 1 ? [['count'], ...fields] : fields });
}

/** RFC 1035 would allow 255, Linux's HOST_NAME_MAX is 64. */
const longestHostName = 64;

/** `fields` of the request that make the names of the group at this index. */
export function checkHostNames(
  clusterName: string,
  groups: readonly Group[],
  fields: (index: number) => readonly FieldPath[] = (index) => [['name'], ['node_groups', index, 'name']],
): void {
  for (const [index, group] of groups.entries()) {
    const number = String(group.count).padStart(3, '0');
    const longest = `${clusterName}-${group.name}-${number}.novalocal`;
    if (longest.length > longestHostName)
      throw new ApiError(
        400,
        'INVALID_DATA',
        `Composite hostname ${longest} in provisioned cluster exceeds maximum limit ${longestHostName} characters`,
        {
          hint: `shorten the cluster's name or the name of node group '${group.name}'`,
          fields: fields(index),
        },
      );
  }
}

/** `name-1` to `name-N`, the numbers as wide as N's. */
export function clusterNames(name: string, count: number | undefined): string[] {
  if (count === undefined) return [name];
  const width = String(count).length;
  return Array.from({ length: count }, (_, index) => `${name}-${String(index + 1).padStart(width, '0')}`);
}
