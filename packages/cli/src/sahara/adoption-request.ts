import type { AdoptionRequest } from '@wadi/api';
import { keysOf } from '../known-hosts.ts';
import type { SaharaCluster } from './sahara-clusters.ts';

export interface AdoptionChoices {
  /** Wadi's project; absent: the one that the cluster has in Sahara. */
  readonly project?: string;
  /** A known_hosts file's text; empty: none. */
  readonly knownHosts: string;
  readonly trustFirstContact: boolean;
  /** Where Sahara's database has none. */
  readonly identity: string | null;
}

/** What is sent, or why it cannot be. */
export function adoptionRequest(
  { tenant, privateKey, request, problems }: SaharaCluster,
  { project, knownHosts, trustFirstContact, identity }: AdoptionChoices,
): AdoptionRequest | readonly string[] {
  const key = privateKey ?? identity;
  const noKey = 'its management key is not in the database (it may name one in a key manager)';
  const all = [...problems, ...(key === null ? [`${noKey}: give it with --identity FILE`] : [])];
  if (all.length > 0 || key === null) return all;
  return {
    ...request,
    project_id: project ?? tenant,
    management_private_key: key,
    node_groups: request.node_groups.map((group) => ({
      ...group,
      instances: group.instances.map((instance) => {
        const places = [instance.management_ip, instance.internal_ip].filter((each) => each !== null);
        const keys = new Set(places.flatMap((place) => keysOf(knownHosts, place, 22)));
        return keys.size > 0 ? { ...instance, host_keys: [...keys] } : instance;
      }),
    })),
    ...(trustFirstContact ? { trust_first_contact: true } : {}),
  };
}
