import { CommandError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import type { ReadOnlyDatabase, Row } from './open-database.ts';

/** Of Sahara's migrations: 035 is that of Rocky (9.0) and of all that came after it. */
const knownSchemas = ['035'];

const values = [
  'flavor_id',
  'image_id',
  'node_processes',
  'node_configs',
  'volumes_per_node',
  'volumes_size',
  'volumes_availability_zone',
  'volume_mount_prefix',
  'volume_type',
  'boot_from_volume',
  'boot_volume_type',
  'boot_volume_availability_zone',
  'boot_volume_local_to_instance',
  'use_autoconfig',
  'floating_ip_pool',
  'security_groups',
  'auto_security_group',
  'availability_zone',
  'is_proxy_gateway',
  'volume_local_to_instance',
  'shares',
];
const common = [
  'id',
  'tenant_id',
  'name',
  'description',
  'plugin_name',
  'hadoop_version',
  'is_public',
  'is_protected',
];
const described = [
  'cluster_configs',
  'default_image_id',
  'neutron_management_network',
  'anti_affinity',
  'use_autoconfig',
  'shares',
  'domain_name',
];

/** What is read, and nothing else: least of all the trusts, which are as good as a password. */
const columns = {
  clusters: [
    ...common,
    ...described,
    'is_transient',
    'management_private_key',
    'management_public_key',
    'user_keypair_id',
    'status',
    'info',
    'extra',
    'cluster_template_id',
  ],
  node_groups: [
    ...values,
    'id',
    'name',
    'cluster_id',
    'node_group_template_id',
    'image_username',
    'count',
    'created_at',
  ],
  instances: ['id', 'node_group_id', 'instance_id', 'instance_name', 'internal_ip', 'management_ip'],
  cluster_templates: [...common, ...described],
  templates_relations: [
    ...values,
    'id',
    'name',
    'cluster_template_id',
    'node_group_template_id',
    'count',
    'created_at',
  ],
  node_group_templates: [...common, ...values],
} as const;

/** Rows as they are, by table. */
export type SaharaRows = Readonly<Record<keyof typeof columns, readonly Row[]>>;

/** All that an adoption wants to know, as of one moment. */
export async function readSahara(database: ReadOnlyDatabase): Promise<SaharaRows> {
  const versions = await database.rows('select version_num from alembic_version');
  const version = versions.map((row) => String(row.version_num)).join(', ');
  if (!knownSchemas.includes(version))
    throw new CommandError(
      `the schema of this database is ${version || 'none'}, which is not one that Wadi knows (${knownSchemas.join(', ')})`,
      ExitCode.failed,
      /^0(0\d|[12]\d|3[0-4])$/.test(version)
        ? 'It is older: bring it up to date with the sahara-db-manage of Rocky or newer (on a copy, if Sahara still runs).'
        : undefined,
    );
  const tables: [string, readonly Row[]][] = [];
  for (const [table, names] of Object.entries(columns))
    tables.push([table, await database.rows(`select ${names.join(', ')} from ${table} order by id`)]);
  return Object.fromEntries(tables) as unknown as SaharaRows;
}
