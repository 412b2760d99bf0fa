import type { Configs, FieldPath, NodeGroupRequest, Share } from '@wadi/api';
import { uniteProxyFlag } from './proxy-flag.ts';

/** What decides about the machines of a node group. */
export interface NodeGroupValues {
  flavor_id: string | number;
  image_id: string | null;
  node_processes: string[];
  node_configs: Configs | null;
  volumes_per_node: number;
  volumes_size: number | null;
  volumes_availability_zone: string | null;
  volume_mount_prefix: string | null;
  volume_type: string | null;
  boot_from_volume: boolean;
  boot_volume_type: string | null;
  boot_volume_availability_zone: string | null;
  boot_volume_local_to_instance: boolean;
  use_autoconfig: boolean | null;
  floating_ip_pool: string | null;
  security_groups: string[] | null;
  auto_security_group: boolean | null;
  availability_zone: string | null;
  is_proxy: boolean | null;
  volume_local_to_instance: boolean | null;
  shares: Share[] | null;
}

/** What somebody set, and nothing else: the rest comes from below. */
export type GivenValues = Partial<NodeGroupValues>;

export const nodeGroupDefaults: NodeGroupValues = {
  flavor_id: '',
  image_id: null,
  node_processes: [],
  node_configs: {},
  volumes_per_node: 0,
  volumes_size: 0,
  volumes_availability_zone: null,
  volume_mount_prefix: '/volumes/disk',
  volume_type: null,
  boot_from_volume: false,
  boot_volume_type: null,
  boot_volume_availability_zone: null,
  boot_volume_local_to_instance: false,
  use_autoconfig: true,
  floating_ip_pool: null,
  security_groups: null,
  auto_security_group: false,
  availability_zone: null,
  is_proxy: false,
  volume_local_to_instance: false,
  shares: null,
};

const fieldNames = Object.keys(nodeGroupDefaults) as (keyof NodeGroupValues)[];

/**
 * The values that count, each from the uppermost layer that gives it (defaults, node group template, the group's own);
 * of settings each single one. Nothing is copied into the layers above: a template that changes is seen at once, and what a
 * group sets itself stays.
 */
export function effectiveValues(...layers: readonly GivenValues[]): NodeGroupValues {
  const values = Object.assign({}, nodeGroupDefaults, ...layers.map(onlyValues)) as NodeGroupValues;
  return { ...values, node_configs: mergeConfigs(...layers.map((layer) => layer.node_configs)) };
}

/** Target by target, name by name; the later ones win. */
export function mergeConfigs(...layers: readonly (Configs | null | undefined)[]): Configs {
  const merged: Configs = {};
  for (const layer of layers)
    for (const [target, settings] of Object.entries(layer ?? {}))
      merged[target] = { ...merged[target], ...settings };
  return merged;
}

/** Only the fields that node groups have, and only those that are there. */
export function onlyValues(fields: object): GivenValues {
  const own = fieldNames.filter((name) => Object.hasOwn(fields, name));
  return Object.fromEntries(own.map((name) => [name, (fields as GivenValues)[name]]));
}

/** A node group as it was asked for, its own values apart from its template's. */
export interface NodeGroupPlan {
  readonly name: string;
  readonly count: number;
  readonly node_group_template_id: string | null;
  readonly given: GivenValues;
}

export function planNodeGroup(request: NodeGroupRequest, index: number): NodeGroupPlan {
  return planAt(request, ['node_groups', index]);
}

export function planAddedGroup(request: NodeGroupRequest, index: number): NodeGroupPlan {
  return planAt(request, ['add_node_groups', index]);
}

/** `where` in the request it stands, for errors. */
function planAt(request: NodeGroupRequest, where: FieldPath): NodeGroupPlan {
  const template = 'node_group_template_id' in request ? request.node_group_template_id : null;
  return {
    name: request.name,
    count: request.count,
    node_group_template_id: template === null ? null : dashed(template),
    given: onlyValues(uniteProxyFlag(request, where)),
  };
}

/** Sahara takes UUIDs without their dashes too; stored and compared they have them. */
export function dashed(uuid: string): string {
  const digits = uuid.replaceAll('-', '').toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
