import type { FieldPath } from '@wadi/api';
import fc from 'fast-check';
import type { Body, Scalable } from './valid-body.ts';
import type { Version } from './version-words.ts';
import { absent, type WrongField } from './wrong-field.ts';

/** Nothing has it. */
const nobodys = '00000000-0000-4000-8000-00000000dead';
/** Of the test cloud, and never registered. */
const unregistered = '3b0a3b1e-7c7c-4d3b-8a56-0b6f7a1d0002';

const wrong = (path: FieldPath, told: string, ...values: unknown[]): WrongField => ({
  path,
  told,
  value: fc.constantFrom(...values),
});

function wrongConfigs(path: FieldPath): WrongField[] {
  return [
    wrong([...path, 'NOPE'], "applicable target 'NOPE'", { x: 1 }),
    wrong([...path, 'general', 'nope'], "config with name 'nope'", 1, 'x', true),
  ];
}

/** What a node group or its template may not refer to, wherever it stands. */
export function wrongInGroup(group: Body, path: FieldPath): WrongField[] {
  const at = (name: string): FieldPath => [...path, name];
  const own = !('node_group_template_id' in group);
  const found = [
    wrong(at('flavor_id'), "flavor '42'", '42', 42),
    wrong(at('flavor_id'), `flavor '${nobodys}'`, nobodys),
    wrong(at('image_id'), 'is not registered', unregistered, nobodys),
    wrong(at('floating_ip_pool'), 'Floating IP pool', 'nope', nobodys),
    wrong([...at('security_groups'), 0], "Security group 'nope'", 'nope'),
    wrong(at('availability_zone'), 'Nova availability zone', 'nope', 'x"y'),
    ...wrongConfigs(at('node_configs')),
  ].filter(
    ({ path: [...keys] }) =>
      typeof keys.at(-1) === 'string' || (group.security_groups as unknown[] | null)?.length,
  );
  if (own) {
    found.push(
      wrong(at('node_processes'), "node processes: ['nix']", ['nix'], ['datanode', 'nix']),
      wrong(at('node_processes'), 'Duplicates in node processes', ['datanode', 'datanode']),
    );
  } else {
    found.push(wrong(at('node_group_template_id'), 'NodeGroup template with id', nobodys));
  }
  if (group.volumes_per_node)
    found.push(
      wrong(at('volumes_size'), 'volumes_size', null),
      wrong(at('volume_type'), "Volume type 'nope'", 'nope'),
      wrong(at('volumes_availability_zone'), "zone 'nope'", 'nope'),
    );
  for (const [one, other] of [
    ['is_proxy', 'is_proxy_gateway'],
    ['is_proxy_gateway', 'is_proxy'],
  ] as const)
    if (typeof group[one] === 'boolean')
      found.push(wrong(at(other), `${other} is ${!group[one]}`, !group[one]));
  return found;
}

export function wrongPlugin(body: Body, versionWord: string): WrongField[] {
  const found: WrongField[] = [];
  if ('plugin_name' in body) found.push(wrong(['plugin_name'], "plugin with name 'nope'", 'nope'));
  if (versionWord in body) found.push(wrong([versionWord], "version '9.9'", '9.9'));
  return found;
}

/** What cluster templates and clusters may not refer to. */
export function wrongInCluster(body: Body): WrongField[] {
  const groups = (body.node_groups ?? []) as Body[];
  return [
    wrong(['default_image_id'], 'is not registered', unregistered, nobodys),
    wrong(['neutron_management_network'], 'Network', nobodys),
    wrong(['anti_affinity'], "node processes: ['zzz']", ['zzz'], ['datanode', 'zzz']),
    ...wrongConfigs(['cluster_configs']),
    ...groups.flatMap((group, index) => wrongInGroup(group, ['node_groups', index])),
    ...groups.slice(1).map((_, index) => {
      const name = groups[index]?.name;
      return wrong(['node_groups', index + 1, 'name'], `are detected: ['${name}']`, name);
    }),
  ];
}

export function wrongName(taken: string): WrongField {
  return wrong(['name'], `with name '${taken}' already exists`, taken);
}

/** Of a cluster that is to be made. */
export function wrongInNewCluster(body: Body): WrongField[] {
  const groups = body.node_groups as Body[] | undefined;
  const found = [
    ...wrongInCluster(body),
    wrong(['user_keypair_id'], "keypair 'nokey'", 'nokey'),
    wrong(['default_image_id'], "'default_image_id' field is not found", null),
    wrong(['neutron_management_network'], "'neutron_management_network' field is not found", null),
    wrong(['cluster_template_id'], 'Cluster template with id', nobodys),
  ];
  if (!groups?.length) return found;
  found.push(wrong(['name'], 'exceeds maximum limit 64 characters', 'n'.repeat(50)));
  for (const [index, { is_proxy }] of groups.entries()) {
    const count = ['node_groups', index, 'count'];
    found.push(wrong(count, 'Quota exceeded for', 500));
    found.push(wrong(count, 'more than one request may add', 2 ** 31 - 1));
    if (is_proxy) found.push(wrong(count, 'would have no proxy', 0));
  }
  return found;
}

/** What only the cluster itself can say of a change of its size. */
export function wrongInScaling(body: Body, { proxies, others, machines }: Scalable): WrongField[] {
  const found: WrongField[] = [];
  const resizes = (body.resize_node_groups ?? []) as { name: string; count: number; instances?: string[] }[];
  for (const [index, { name, count, instances }] of resizes.entries()) {
    const at = (...keys: (string | number)[]): FieldPath => ['resize_node_groups', index, ...keys];
    found.push(wrong(at('name'), "node group with name 'nope'", 'nope'));
    if (instances) found.push(wrong(at('count'), 'can not be greater than', 1000));
    else
      found.push(
        wrong(at('count'), 'more than one request may add', 2 ** 31 - 1),
        wrong(at('count'), 'Quota exceeded for', 1000),
      );
    const before = resizes.slice(0, index).map((one) => one.name);
    if (before[0]) found.push(wrong(at('name'), 'are detected', before[0]));
    const has = machines[others.indexOf(name)] ?? [];
    const stay = others.some((other, place) => {
      const resized = resizes.find((one) => one.name === other);
      return Math.min(machines[place]?.length ?? 0, resized?.count ?? 1) > 0;
    });
    if (name === proxies && stay) found.push(wrong(at('count'), 'would have no proxy', 0));
    if (name === proxies || instances === undefined) continue;
    const leaving = has.length - count;
    found.push(wrong([...at('instances'), 0], "has no instance 'nope'", 'nope'));
    found.push(wrong(at('instances'), 'can not be greater than', [...has, ...has, 'more']));
    if (leaving > 1)
      found.push(
        wrong(at('instances'), 'by Name or UUID', [has[0], nobodys]),
        wrong(at('instances'), 'names one twice', [has[0], has[0]]),
      );
  }
  for (const [index, group] of ((body.add_node_groups ?? []) as Body[]).entries()) {
    found.push(...wrongInGroup(group, ['add_node_groups', index]));
    for (const taken of [proxies, ...others.slice(0, 1)])
      found.push(
        wrong(['add_node_groups', index, 'name'], 'already has nodegroup', taken, taken.toUpperCase()),
      );
  }
  return found;
}

/** Who names the plugin has to name its version too. */
export function wrongVersion(body: Body, versionWord: string): WrongField[] {
  if (!(versionWord in body)) return [];
  return [wrong([versionWord], `You must specify a ${versionWord}`, absent)];
}

/** What a cluster refuses to become, or to do together with it. */
export function wrongUpdate(body: Body, version: Version): WrongField[] {
  const found = [
    wrong(['verification', 'status'], "is not one of ['START']", 'STOP', 'start', ''),
    wrong(['verification', 'nonsense'], "('nonsense' was unexpected)", 1),
  ];
  if (version === 'v2') found.push(wrong(['update_keypair'], 'update_keypair: the cloud', true));
  if (Object.keys(body).length > 0)
    found.push(wrong(['verification'], 'with other updates', { status: 'START' }));
  return found;
}
