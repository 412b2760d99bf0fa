import type { ClusterCreate, ClusterTemplateCreate } from '@wadi/api';
import { mergeConfigs } from './node-group.ts';

/** What of a cluster's fields is kept in its `spec`; a cluster template has the same up to the last two. */
export const clusterSpecFields = [
  'description',
  'default_image_id',
  'cluster_configs',
  'anti_affinity',
  'neutron_management_network',
  'shares',
  'use_autoconfig',
  'domain_name',
  'user_keypair_id',
  'is_transient',
] as const;

/** What a field counts as where nobody gave it. */
export const clusterDefaults = {
  description: null,
  default_image_id: null,
  neutron_management_network: null,
  use_autoconfig: true,
  domain_name: null,
  user_keypair_id: null,
  is_transient: false,
};

export type ClusterSpec = Partial<Pick<ClusterCreate, (typeof clusterSpecFields)[number]>>;

/** Only what was given. */
export function clusterSpec(fields: Partial<ClusterCreate> | Partial<ClusterTemplateCreate>): ClusterSpec {
  const given: Partial<ClusterCreate> = fields;
  return Object.fromEntries(
    clusterSpecFields.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
}

/** The request's fields over its template's; of settings each single one. */
export function mergeClusterSpec(template: ClusterSpec, request: Partial<ClusterCreate>): ClusterSpec {
  return {
    ...template,
    ...clusterSpec(request),
    cluster_configs: mergeConfigs(template.cluster_configs, request.cluster_configs),
  };
}
