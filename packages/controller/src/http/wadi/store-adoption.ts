import type { AdoptionRequest } from '@wadi/api';
import type { Kysely } from 'kysely';
import { identityPurpose, writeIdentity } from '../../access/stored-identity.ts';
import { adoptedCloud } from '../../clusters/adopted.ts';
import { clusterSpec } from '../../clusters/cluster-request.ts';
import { effectiveValues, onlyValues } from '../../clusters/node-group.ts';
import { insertAdoption } from '../../storage/adoptions.ts';
import { insertClusterTemplate } from '../../storage/cluster-templates.ts';
import { insertCluster } from '../../storage/clusters.ts';
import { insertNodeGroupTemplate } from '../../storage/node-group-templates.ts';
import type { Schema } from '../../storage/schema.ts';
import type { Secrets } from '../../storage/secrets.ts';
import { nameTaken } from '../sahara/refusals.ts';
import type { PlannedAdoption } from './plan-adoption.ts';

/**
 * The cluster with all that belongs to it, under the ids that it has in Sahara. Returned is what was left out, and why. Throws
 * when the project has another cluster of its name.
 */
export async function storeAdoption(
  tx: Kysely<Schema>,
  secrets: Secrets,
  request: AdoptionRequest,
  { identity, groups }: PlannedAdoption,
): Promise<readonly string[]> {
  const { id, name, project_id } = request;
  const leftOut: string[] = [];
  const templates = await storeNodeGroupTemplates(tx, request, leftOut);
  const template = await storeClusterTemplate(tx, request, templates, leftOut);
  const cluster = await insertCluster(
    tx,
    {
      ...{ id, project_id, name, cloud: adoptedCloud, status: 'Validating', status_description: '' },
      plugin_name: request.plugin_name,
      plugin_version: request.plugin_version,
      cluster_template_id: template,
      is_public: request.is_public,
      is_protected: request.is_protected,
      spec: JSON.stringify(specOf(request)),
      info: JSON.stringify(request.info),
      access: accessOf(request),
      management_public_key: identity.publicKey,
      plugin_hash: null,
    },
    groups.map(({ group, machines }, position) => ({
      ...{ id: group.id, cluster_id: id, position, name: group.name, count: machines.length },
      is_proxy: group.is_proxy,
      node_group_template_id: known(templates, group.node_group_template_id),
      spec: JSON.stringify(effectiveValues(onlyValues(group))),
    })),
  );
  if (!cluster) throw nameTaken('Cluster', name);
  await insertAdoption(tx, {
    cluster_id: id,
    sahara_public_key: identity.publicKey,
    heat_stack: request.heat_stack,
  });
  // One for each role, as every cluster has, though Sahara has the same for both: they are replaced one by one.
  const management = await secrets.put(identityPurpose, id, writeIdentity(identity), tx);
  const proxies = await secrets.put(identityPurpose, id, writeIdentity(identity), tx);
  await tx
    .updateTable('cluster')
    .set({ management_secret_id: management, proxy_secret_id: proxies })
    .where('id', '=', id)
    .execute();
  await storeInstances(tx, id, groups);
  return leftOut;
}

/** What may change from one attempt to the next. */
export function accessOf({ access, trust_first_contact: trust = false }: AdoptionRequest): string {
  return JSON.stringify({ ...access, trust_first_contact: trust });
}

async function storeInstances(
  tx: Kysely<Schema>,
  clusterId: string,
  groups: PlannedAdoption['groups'],
): Promise<void> {
  const rows = groups.flatMap(({ group, machines }) =>
    machines.map((machine, index) => ({
      ...{ id: machine.id, cluster_id: clusterId, node_group_id: group.id, index, name: machine.name },
      cloud_instance_id: machine.serverId,
      internal_ip: machine.internalIp,
      floating_ip: machine.floatingIp,
      management_ip: machine.managementIp,
      ssh_port: 22,
      login_user: group.user,
      host_keys: JSON.stringify(machine.hostKeys),
      host_key_source: machine.hostKeys.length > 0 ? 'given' : null,
    })),
  );
  // In slices: a statement has at most 65535 parameters.
  for (let from = 0; from < rows.length; from += 2000)
    await tx
      .insertInto('instance')
      .values(rows.slice(from, from + 2000))
      .execute();
}

/** The ids that are there afterwards. */
async function storeNodeGroupTemplates(
  tx: Kysely<Schema>,
  { project_id, node_group_templates }: AdoptionRequest,
  leftOut: string[],
): Promise<ReadonlySet<string>> {
  const there = new Set(await presentIds(tx, 'node_group_template', project_id));
  for (const template of node_group_templates) {
    if (there.has(template.id)) continue;
    const { id, name, plugin_name, plugin_version, is_public, is_protected, description } = template;
    const inserted = await ifFree(tx, 'node_group_template', id, () =>
      insertNodeGroupTemplate(tx, {
        ...{ id, project_id, name, plugin_name, plugin_version, is_public, is_protected },
        spec: JSON.stringify({ ...onlyValues(template), description }),
      }),
    );
    if (inserted) there.add(id);
    else leftOut.push(`node group template ${name}: the project has another one of this name`);
  }
  return there;
}

/** Its id, when it is there afterwards. */
async function storeClusterTemplate(
  tx: Kysely<Schema>,
  { project_id, cluster_template: template }: AdoptionRequest,
  templates: ReadonlySet<string>,
  leftOut: string[],
): Promise<string | null> {
  if (template === null) return null;
  const { id, name, plugin_name, plugin_version, is_public, is_protected } = template;
  if ((await presentIds(tx, 'cluster_template', project_id)).includes(id)) return id;
  const created_at = new Date().toISOString();
  const inserted = await ifFree(tx, 'cluster_template', id, () =>
    insertClusterTemplate(tx, {
      ...{ id, project_id, name, plugin_name, plugin_version, is_public, is_protected },
      spec: JSON.stringify(specOf(template)),
      node_groups: JSON.stringify(
        template.node_groups.map((group) => ({
          ...{ id: group.id, name: group.name, count: group.count, created_at, updated_at: null },
          node_group_template_id: known(templates, group.node_group_template_id),
          given: onlyValues(group),
        })),
      ),
    }),
  );
  if (inserted) return id;
  leftOut.push(`cluster template ${name}: the project has another one of this name`);
  return null;
}

type TemplateTable = 'node_group_template' | 'cluster_template';

async function presentIds(tx: Kysely<Schema>, table: TemplateTable, project: string): Promise<string[]> {
  const rows = await tx.selectFrom(table).select('id').where('project_id', '=', project).execute();
  return rows.map(({ id }) => id);
}

/** Another project may have it under this id, when it was adopted into that one before. */
async function ifFree<T>(
  tx: Kysely<Schema>,
  table: TemplateTable,
  id: string,
  insert: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const taken = await tx.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst();
  return taken ? undefined : await insert();
}

/** Groups are kept in another column. */
function specOf({ node_groups: _, ...fields }: { readonly node_groups: unknown }) {
  return clusterSpec(fields as Parameters<typeof clusterSpec>[0]);
}

function known(templates: ReadonlySet<string>, id: string | null): string | null {
  return id !== null && templates.has(id) ? id : null;
}
