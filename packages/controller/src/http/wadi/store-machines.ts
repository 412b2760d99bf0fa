import type { Kysely } from 'kysely';
import { identityPurpose, writeIdentity } from '../../access/stored-identity.ts';
import { insertInventoryMachines } from '../../storage/inventory-machines.ts';
import type { Schema } from '../../storage/schema.ts';
import type { Secrets } from '../../storage/secrets.ts';
import type { PlannedMachines } from './plan-import.ts';

/**
 * Machines with their keys, encrypted. Each gets its number in its node group for good, in the order in which they were
 * told of, after those that are there.
 * @param numbered the first free number of a node group
 * @param spare whether a machine waits until its node group grows
 */
export async function storeMachines(
  tx: Kysely<Schema>,
  secrets: Secrets,
  clusterId: string,
  { identities, groups }: PlannedMachines,
  {
    numbered,
    spare,
  }: {
    readonly numbered: (nodeGroup: string) => number;
    readonly spare: (machine: { readonly spare?: boolean }) => boolean;
  },
): Promise<void> {
  const credentials = new Map<string, string>();
  for (const [label, identity] of identities)
    credentials.set(label, await secrets.put(identityPurpose, clusterId, writeIdentity(identity), tx));
  await insertInventoryMachines(
    tx,
    groups.flatMap(({ name, isProxy, machines }) =>
      machines.map((machine, place) => ({
        cluster_id: clusterId,
        node_group_name: name,
        index: numbered(name) + place,
        name: machine.name,
        is_proxy: isProxy,
        spare: spare(machine),
        address: machine.address,
        floating_ip: machine.floating_ip ?? null,
        management_address: machine.management_address ?? null,
        ssh_port: machine.port ?? 22,
        login_user: machine.user,
        host_keys: JSON.stringify(machine.host_keys),
        host_key_source: machine.host_keys.length > 0 ? ('given' as const) : null,
        credential_secret_id: credentials.get(machine.identity) as string,
      })),
    ),
  );
}
