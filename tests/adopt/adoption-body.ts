import { randomUUID } from 'node:crypto';
import type { AdoptionRequest } from '@wadi/api';
import { effectiveValues, type GivenValues } from '../../packages/controller/src/clusters/node-group.ts';

type Instance = AdoptionRequest['node_groups'][number]['instances'][number];

/** A node group with these machines, and what else decides about them. */
export function adoptedGroup(
  name: string,
  user: string,
  instances: readonly Omit<Instance, 'id'>[],
  given: GivenValues & { is_proxy: boolean },
): AdoptionRequest['node_groups'][number] {
  const values = effectiveValues({ flavor_id: '2', node_processes: ['datanode'], ...given });
  return {
    ...values,
    ...{ id: randomUUID(), name, user, node_group_template_id: null, node_configs: {} },
    is_proxy: given.is_proxy,
    instances: instances.map((instance) => ({ ...instance, id: randomUUID() })),
  };
}

/** A body of `POST /v2/adoptions` for a cluster that nobody described in any detail. */
export function adoptionBody(
  name: string,
  management_private_key: string,
  node_groups: AdoptionRequest['node_groups'],
): AdoptionRequest {
  return {
    ...{ project_id: 'default', id: randomUUID(), name, description: null, default_image_id: null },
    ...{ cluster_configs: {}, anti_affinity: [], neutron_management_network: null, shares: null },
    ...{ use_autoconfig: true, domain_name: null, plugin_name: 'vanilla', plugin_version: '2.7.5' },
    ...{ is_public: false, is_protected: false, user_keypair_id: null, is_transient: false, info: {} },
    ...{ management_private_key, heat_stack: null, node_group_templates: [], cluster_template: null },
    node_groups,
  };
}
