import type { Cluster, ClusterStatus, NodeGroupInstance, ProvisionStep, Verification } from '@wadi/api';
import type { Kysely } from 'kysely';
import type { NodeGroupValues } from '../../clusters/node-group.ts';
import { type ClusterParts, type ClusterRow, clusterParts } from '../../storage/clusters.ts';
import type { Schema } from '../../storage/schema.ts';
import type { VerificationRow } from '../../storage/verifications.ts';
import { date, dateOrNull, viewNodeGroup } from './view-template.ts';

const noParts: ClusterParts = { nodeGroups: [], instances: [], steps: [], events: [] };

/** `withEvents`: what happened in each step of the work, not only how it came out. */
export function viewCluster(
  row: ClusterRow,
  parts: ClusterParts = noParts,
  { withEvents }: { readonly withEvents: boolean },
): Cluster {
  const spec = row.spec as Partial<Cluster>;
  return {
    created_at: date(row.created_at),
    updated_at: dateOrNull(row.updated_at),
    id: row.id,
    name: row.name,
    description: spec.description ?? null,
    trust_id: null,
    is_transient: spec.is_transient ?? false,
    plugin_name: row.plugin_name,
    cluster_configs: spec.cluster_configs ?? {},
    default_image_id: spec.default_image_id ?? null,
    neutron_management_network: spec.neutron_management_network ?? null,
    anti_affinity: spec.anti_affinity ?? [],
    anti_affinity_ratio: 1,
    management_public_key: row.management_public_key,
    user_keypair_id: spec.user_keypair_id ?? null,
    status: row.status as ClusterStatus,
    status_description: row.status_description,
    info: row.info,
    use_autoconfig: spec.use_autoconfig === undefined ? true : spec.use_autoconfig,
    cluster_template_id: row.cluster_template_id,
    shares: spec.shares ?? null,
    is_public: row.is_public,
    is_protected: row.is_protected,
    domain_name: spec.domain_name ?? null,
    node_groups: parts.nodeGroups.map((group) => ({
      ...viewNodeGroup(group, group.spec as unknown as NodeGroupValues),
      instances: parts.instances.filter((one) => one.node_group_id === group.id).map(viewInstance),
    })),
    provision_progress: parts.steps.map((step) => viewStep(step, row.project_id, withEvents ? parts : null)),
    plugin_version: row.plugin_version,
    project_id: row.project_id,
    ...(parts.verification && { verification: viewVerification(parts.verification) }),
  };
}

function viewVerification(row: VerificationRow): Verification {
  return {
    created_at: date(row.created_at),
    updated_at: dateOrNull(row.updated_at),
    id: row.id,
    cluster_id: row.cluster_id,
    status: row.status,
    checks: row.checks.map((check) => ({
      created_at: date(check.created_at),
      updated_at: dateOrNull(check.updated_at),
      id: check.id,
      verification_id: check.verification_id,
      name: check.name,
      status: check.status,
      description: check.description,
    })),
  };
}

function viewInstance(row: ClusterParts['instances'][number]): NodeGroupInstance {
  return {
    created_at: date(row.created_at),
    updated_at: dateOrNull(row.updated_at),
    id: row.id,
    instance_id: row.cloud_instance_id,
    instance_name: row.name,
    internal_ip: row.internal_ip,
    // Without an address of its own a machine is managed at its inner one, through a proxy.
    management_ip: row.management_ip ?? row.internal_ip,
    storage_devices_number: 0,
    dns_hostname: null,
  };
}

function viewStep(
  step: ClusterParts['steps'][number],
  projectId: string,
  parts: ClusterParts | null,
): ProvisionStep {
  const events = parts?.events.filter((event) => event.step_id === step.id && step.successful !== true);
  return {
    created_at: date(step.created_at),
    updated_at: dateOrNull(step.updated_at),
    id: step.id,
    cluster_id: step.cluster_id,
    step_name: step.step_name,
    step_type: step.step_type,
    total: step.total,
    successful: step.successful,
    ...(events && {
      events: events.map((event) => ({
        created_at: date(event.created_at),
        updated_at: dateOrNull(event.updated_at),
        id: event.id,
        node_group_id: event.node_group_id,
        instance_id: event.instance_id,
        instance_name: event.instance_name,
        event_info: event.event_info,
        successful: event.successful,
        step_id: event.step_id,
      })),
    }),
    project_id: projectId,
  };
}

/** With everything that belongs to it, as it is now. */
export async function showCluster(
  db: Kysely<Schema>,
  row: ClusterRow,
  options: { readonly withEvents: boolean },
): Promise<Cluster> {
  const parts = await clusterParts(db, [row.id], options);
  return viewCluster(row, parts.get(row.id), options);
}

/** What the event log says of a change that a request made. */
export function statusEvent(row: ClusterRow, status: 'Validating' | 'Deleting') {
  const body = { cluster: row.name, status };
  return { projectId: row.project_id, clusterId: row.id, type: 'cluster.status', body };
}
