import type { ClusterTemplate, NodeGroup, NodeGroupTemplate } from '@wadi/api';
import { effectiveValues, type GivenValues, type NodeGroupValues } from '../../clusters/node-group.ts';
import type { ClusterTemplateRow } from '../../storage/cluster-templates.ts';
import type { NodeGroupTemplateRow } from '../../storage/node-group-templates.ts';

/** UTC without zone and fraction, as the contract has it. */
export function date(value: Date | string): string {
  return new Date(value).toISOString().slice(0, 19);
}

export function dateOrNull(value: Date | string | null): string | null {
  return value === null ? null : date(value);
}

/** Keys in the order in which Sahara has them: people read and compare these. */
export function viewNodeGroupTemplate(row: NodeGroupTemplateRow): NodeGroupTemplate {
  const spec = row.spec as GivenValues & { description?: string | null };
  const values = effectiveValues(spec);
  return {
    created_at: date(row.created_at),
    updated_at: dateOrNull(row.updated_at),
    id: row.id,
    name: row.name,
    description: spec.description ?? null,
    flavor_id: values.flavor_id,
    image_id: values.image_id,
    plugin_name: row.plugin_name,
    node_processes: values.node_processes,
    node_configs: values.node_configs ?? {},
    ...volumes(values),
    ...placement(values),
    is_default: false,
    use_autoconfig: values.use_autoconfig,
    shares: values.shares,
    is_public: row.is_public,
    is_protected: row.is_protected,
    plugin_version: row.plugin_version,
    project_id: row.project_id,
  };
}

/**
 * To be imported elsewhere: without what belongs to this place, and only with names that Sahara knows. v1.1 refuses
 * the `boot_…` fields in requests, and its client cannot import what has them.
 */
export function exportNodeGroupTemplate(
  row: NodeGroupTemplateRow,
  { withBoot }: { readonly withBoot: boolean },
): object {
  const { id, created_at, updated_at, project_id, is_default, is_proxy, ...rest } =
    viewNodeGroupTemplate(row);
  const kept = Object.entries(rest).filter(([key]) => withBoot || !key.startsWith('boot_'));
  return {
    ...Object.fromEntries(kept),
    flavor_id: '{flavor_id}',
    image_id: '{image_id}',
    floating_ip_pool: '{floating_ip_pool}',
    security_groups: '{security_groups}',
  };
}

function volumes(values: NodeGroupValues) {
  return {
    volumes_per_node: values.volumes_per_node,
    volumes_size: values.volumes_size,
    volumes_availability_zone: values.volumes_availability_zone,
    volume_mount_prefix: values.volume_mount_prefix,
    volume_type: values.volume_type,
    boot_from_volume: values.boot_from_volume,
    boot_volume_type: values.boot_volume_type,
    boot_volume_availability_zone: values.boot_volume_availability_zone,
    boot_volume_local_to_instance: values.boot_volume_local_to_instance,
  };
}

function placement(values: NodeGroupValues) {
  return {
    floating_ip_pool: values.floating_ip_pool,
    security_groups: values.security_groups,
    auto_security_group: values.auto_security_group,
    availability_zone: values.availability_zone,
    is_proxy_gateway: values.is_proxy,
    is_proxy: values.is_proxy,
    volume_local_to_instance: values.volume_local_to_instance,
  };
}

interface NodeGroupFacts {
  readonly id: string;
  readonly name: string;
  readonly count: number;
  readonly node_group_template_id: string | null;
  readonly created_at: Date | string;
  readonly updated_at: Date | string | null;
}

/** A node group of a cluster template or of a cluster. */
export function viewNodeGroup(facts: NodeGroupFacts, values: NodeGroupValues): NodeGroup {
  return {
    created_at: date(facts.created_at),
    updated_at: dateOrNull(facts.updated_at),
    id: facts.id,
    name: facts.name,
    flavor_id: values.flavor_id,
    image_id: values.image_id,
    node_processes: values.node_processes,
    node_configs: values.node_configs ?? {},
    ...volumes(values),
    count: facts.count,
    use_autoconfig: values.use_autoconfig,
    node_group_template_id: facts.node_group_template_id,
    ...placement(values),
    shares: values.shares,
  };
}

/** A node group in a cluster template's row. */
export interface StoredNodeGroup extends NodeGroupFacts {
  readonly given: GivenValues;
}

export function storedNodeGroups(row: ClusterTemplateRow): StoredNodeGroup[] {
  return row.node_groups as unknown as StoredNodeGroup[];
}

export function viewClusterTemplate(
  row: ClusterTemplateRow,
  templates: ReadonlyMap<string, NodeGroupTemplateRow>,
): ClusterTemplate {
  const spec = row.spec as Partial<ClusterTemplate>;
  return {
    created_at: date(row.created_at),
    updated_at: dateOrNull(row.updated_at),
    id: row.id,
    name: row.name,
    description: spec.description ?? null,
    cluster_configs: spec.cluster_configs ?? {},
    default_image_id: spec.default_image_id ?? null,
    anti_affinity: spec.anti_affinity ?? [],
    neutron_management_network: spec.neutron_management_network ?? null,
    plugin_name: row.plugin_name,
    is_default: false,
    use_autoconfig: spec.use_autoconfig === undefined ? true : spec.use_autoconfig,
    shares: spec.shares ?? null,
    is_public: row.is_public,
    is_protected: row.is_protected,
    domain_name: spec.domain_name ?? null,
    node_groups: storedNodeGroups(row).map((group) => {
      const template = templates.get(group.node_group_template_id ?? '')?.spec ?? {};
      return viewNodeGroup(group, effectiveValues(template, group.given));
    }),
    plugin_version: row.plugin_version,
    project_id: row.project_id,
  };
}

export function exportClusterTemplate(row: ClusterTemplateRow): object {
  const { id, created_at, updated_at, project_id, is_default, ...rest } = viewClusterTemplate(row, new Map());
  return { ...rest, default_image_id: '{default_image_id}', node_groups: '{node_groups}' };
}
