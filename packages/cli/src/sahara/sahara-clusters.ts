import type { AdoptionRequest } from '@wadi/api';
import { CommandError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import type { Row } from './open-database.ts';
import type { SaharaRows } from './read-sahara.ts';

/** A cluster as Sahara has it. */
export interface SaharaCluster {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly status: string;
  readonly plugin: string;
  /** Null: what stands there is no key, but the name of one that is kept elsewhere. */
  readonly privateKey: string | null;
  /** Without keys and what is chosen for the adoption. */
  readonly request: Omit<AdoptionRequest, 'management_private_key' | 'project_id'>;
  /** Why it cannot be adopted as it is; empty: it can. */
  readonly problems: readonly string[];
}

const userName = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;

/** In the order of their names. */
export function saharaClusters(rows: SaharaRows): SaharaCluster[] {
  const groups = groupBy(rows.node_groups, 'cluster_id');
  const instances = groupBy(rows.instances, 'node_group_id');
  const relations = groupBy(rows.templates_relations, 'cluster_template_id');
  const groupTemplates = new Map(rows.node_group_templates.map((row) => [row.id, row]));
  const templates = new Map(rows.cluster_templates.map((row) => [row.id, row]));
  return rows.clusters
    .map((row) => {
      const own = inOrder(groups.get(row.id) ?? []);
      const template = templates.get(row.cluster_template_id);
      const described = template ? inOrder(relations.get(template.id) ?? []) : [];
      const used = new Set([...own, ...described].map((each) => each.node_group_template_id));
      const key = String(row.management_private_key ?? '');
      const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key) ? key : null;
      const request = {
        ...{ id: String(row.id), name: String(row.name), ...clusterValues(row) },
        user_keypair_id: textOf(row.user_keypair_id),
        is_transient: Boolean(row.is_transient),
        info: objectOf(row.info),
        ...(privateKey === null ? {} : { management_public_key: String(row.management_public_key) }),
        heat_stack: textOf(objectOf(row.extra).heat_stack_name),
        node_group_templates: [...used].flatMap((id) => {
          const found = groupTemplates.get(id);
          return found ? nodeGroupTemplate(found) : [];
        }),
        cluster_template: template ? clusterTemplate(template, described) : null,
        node_groups: own.map((group) => ({
          ...groupFields(group),
          user: String(group.image_username ?? ''),
          instances: (instances.get(group.id) ?? []).map(instance).sort(byNumber),
        })),
      };
      const status = String(row.status);
      return {
        ...{ id: request.id, name: request.name, tenant: String(row.tenant_id), status, privateKey, request },
        plugin: `${row.plugin_name} ${row.hadoop_version}`,
        problems: problemsOf(status, own, request),
      };
    })
    .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
}

function problemsOf(
  status: string,
  groups: readonly Row[],
  { node_groups }: Pick<AdoptionRequest, 'node_groups'>,
): string[] {
  const problems: string[] = [];
  if (status !== 'Active') problems.push(`it is ${status}, not Active`);
  const machines = node_groups.flatMap((group) => group.instances);
  if (machines.length === 0) problems.push('it has no machines');
  for (const { name, user, instances } of node_groups)
    if (instances.length > 0 && !userName.test(user))
      problems.push(`node group ${name}: Sahara does not know who logs in (image_username)`);
  for (const [index, { name, instances }] of node_groups.entries())
    if (Number(groups[index]?.count) !== instances.length)
      problems.push(
        `node group ${name} has ${instances.length} machines in place of ${groups[index]?.count}`,
      );
  for (const { name, internal_ip } of machines)
    if (internal_ip === null) problems.push(`machine ${name} has no address`);
  return problems;
}

function clusterValues(row: Row) {
  return {
    description: textOf(row.description),
    default_image_id: textOf(row.default_image_id),
    cluster_configs: configsOf(row.cluster_configs),
    anti_affinity: listOf(row.anti_affinity) ?? [],
    neutron_management_network: textOf(row.neutron_management_network),
    shares: listOf(row.shares) as AdoptionRequest['shares'],
    use_autoconfig: flagOf(row.use_autoconfig),
    domain_name: textOf(row.domain_name),
    plugin_name: String(row.plugin_name),
    plugin_version: String(row.hadoop_version),
    is_public: Boolean(row.is_public),
    is_protected: Boolean(row.is_protected),
  };
}

function nodeValues(row: Row) {
  return {
    flavor_id: String(row.flavor_id),
    image_id: textOf(row.image_id),
    node_processes: listOf(row.node_processes) ?? [],
    node_configs: configsOf(row.node_configs),
    volumes_per_node: Number(row.volumes_per_node ?? 0),
    volumes_size: row.volumes_size === null ? null : Number(row.volumes_size),
    volumes_availability_zone: textOf(row.volumes_availability_zone),
    volume_mount_prefix: textOf(row.volume_mount_prefix),
    volume_type: textOf(row.volume_type),
    boot_from_volume: Boolean(row.boot_from_volume),
    boot_volume_type: textOf(row.boot_volume_type),
    boot_volume_availability_zone: textOf(row.boot_volume_availability_zone),
    boot_volume_local_to_instance: Boolean(row.boot_volume_local_to_instance),
    use_autoconfig: flagOf(row.use_autoconfig),
    floating_ip_pool: textOf(row.floating_ip_pool),
    security_groups: listOf(row.security_groups),
    auto_security_group: flagOf(row.auto_security_group),
    availability_zone: textOf(row.availability_zone),
    is_proxy: Boolean(row.is_proxy_gateway),
    volume_local_to_instance: flagOf(row.volume_local_to_instance),
    shares: listOf(row.shares) as AdoptionRequest['shares'],
  };
}

function groupFields(row: Row) {
  return {
    ...{ id: String(row.id), name: String(row.name), ...nodeValues(row) },
    node_group_template_id: textOf(row.node_group_template_id),
  };
}

function nodeGroupTemplate(row: Row): AdoptionRequest['node_group_templates'][number] {
  const { name, plugin_name, plugin_version, description, is_public, is_protected } = {
    ...clusterValues(row),
    name: String(row.name),
  };
  return {
    ...{ id: String(row.id), name, plugin_name, plugin_version, description, is_public, is_protected },
    ...nodeValues(row),
  };
}

function clusterTemplate(row: Row, groups: readonly Row[]): AdoptionRequest['cluster_template'] {
  return {
    ...{ id: String(row.id), name: String(row.name), ...clusterValues(row) },
    node_groups: groups.map((group) => ({ ...groupFields(group), count: Number(group.count) })),
  };
}

function instance(row: Row) {
  return {
    id: String(row.id),
    name: String(row.instance_name),
    server_id: textOf(row.instance_id),
    internal_ip: textOf(row.internal_ip),
    management_ip: textOf(row.management_ip),
  };
}

/** `…-10` comes after `…-9`. */
function byNumber({ name: a }: { readonly name: string }, { name: b }: { readonly name: string }): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** As Sahara made them, which has no order of its own. */
function inOrder(groups: readonly Row[]): Row[] {
  const at = ({ created_at: made }: Row) => (made instanceof Date ? made.getTime() : 0);
  return [...groups].sort((a, b) => at(a) - at(b) || String(a.name).localeCompare(String(b.name)));
}

function groupBy(rows: readonly Row[], column: string): Map<unknown, Row[]> {
  const groups = new Map<unknown, Row[]>();
  for (const row of rows) groups.set(row[column], [...(groups.get(row[column]) ?? []), row]);
  return groups;
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined || value === '' ? null : String(value);
}

/** MySQL has 0 and 1, PostgreSQL has true and false. */
function flagOf(value: unknown): boolean | null {
  return value === null || value === undefined ? null : Boolean(value);
}

/** Sahara keeps lists and dictionaries as text. */
function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? null;
  try {
    return JSON.parse(value);
  } catch {
    throw new CommandError('a row of this database has no JSON where Sahara writes some', ExitCode.failed);
  }
}

function listOf(value: unknown): string[] | null {
  const list = jsonOf(value);
  return Array.isArray(list) ? list : null;
}

function objectOf(value: unknown): Record<string, unknown> {
  const found = jsonOf(value);
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Record<string, unknown>)
    : {};
}

function configsOf(value: unknown): AdoptionRequest['cluster_configs'] {
  return objectOf(value) as AdoptionRequest['cluster_configs'];
}
