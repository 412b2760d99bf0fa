import { ApiError, type InventoryMachine, type InventoryMachineList, MachinesRequest } from '@wadi/api';
import type { Kysely } from 'kysely';
import { type AccessPolicy, methodOf } from '../../access/access-settings.ts';
import { fingerprint } from '../../access/host-key.ts';
import { checkMayUpdate } from '../../clusters/ownership.ts';
import { type ClusterRow, updateCluster } from '../../storage/clusters.ts';
import { type InstanceWithGroup, listInstances } from '../../storage/instances.ts';
import {
  forgetSpareMachine,
  hasProxies,
  type InventoryMachine as InventoryRow,
  listInventoryMachines,
} from '../../storage/inventory-machines.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible } from '../../storage/visible-row.ts';
import type { HttpContext, Resource } from '../context.ts';
import { invalidReference } from '../sahara/refusals.ts';
import { bodyOf } from './check-body.ts';
import { bodyLimit, type ImportParts, mostValues } from './import.ts';
import { machineOperations } from './machine-operations.ts';
import { notFound, ownCluster } from './own-cluster.ts';
import { type PresentMachines, planAddition } from './plan-import.ts';
import { storeMachines } from './store-machines.ts';

interface OfCluster {
  Params: { cluster: string };
}

interface OfMachine {
  Params: { cluster: string; name: string };
}

/** The machines that an imported cluster has, and those that it may take when it grows. */
export function machines({ policy }: Pick<ImportParts, 'policy'>): Resource {
  return (app, context) => {
    const { db } = context;
    const path = '/v2/clusters/:cluster/machines';

    app.get<OfCluster>(path, machineOperations.pool, async (request): Promise<InventoryMachineList> => {
      const cluster = await ownCluster(db, request);
      checkImported(context, cluster);
      return { machines: await view(db, cluster.id) };
    });

    const { config } = machineOperations.add;
    app.post<OfCluster>(
      path,
      { bodyLimit, config: { ...config, mostValues } },
      async (request, reply): Promise<InventoryMachineList> => {
        const { id } = await ownCluster(db, request);
        const body = bodyOf(MachinesRequest, request);
        await db.transaction().execute(async (tx) => {
          const cluster = await lock(context, tx, request.principal.projectId, id);
          await addMachines(context, tx, cluster, body, policy);
        });
        const added = new Set(body.machines.map(({ name }) => name));
        reply.code(201);
        return { machines: (await view(db, id)).filter(({ name }) => added.has(name)) };
      },
    );

    app.delete<OfMachine>(`${path}/:name`, machineOperations.forget, async (request, reply) => {
      const { name } = request.params;
      const { id } = await ownCluster(db, request);
      await db.transaction().execute(async (tx) => {
        const cluster = await lock(context, tx, request.principal.projectId, id);
        const machine = (await listInventoryMachines(tx, cluster.id)).find((one) => one.name === name);
        if (!machine)
          throw new ApiError(404, 'NOT_FOUND', `Cluster '${cluster.name}' has no machine '${name}'`);
        if (!machine.spare) throw inUse(cluster, machine);
        await forgetSpareMachine(tx, machine);
      });
      return reply.code(204).send();
    });
  };
}

function inUse(cluster: ClusterRow, { name, node_group_name: group }: InventoryRow): ApiError {
  return new ApiError(409, 'CONFLICT', `Machine '${name}' of cluster '${cluster.name}' is in use`, {
    hint: `take it out of the cluster first: wadi cluster scale ${cluster.name} ${group}=COUNT --remove ${name}`,
  });
}

/** Of all that add, remove and take machines of the cluster, one at a time. */
async function lock(
  context: HttpContext,
  tx: Kysely<Schema>,
  projectId: string,
  id: string,
): Promise<ClusterRow> {
  const cluster = await findVisible(tx, 'cluster', projectId, id, 'update');
  if (!cluster) throw notFound(id);
  checkImported(context, cluster);
  checkMayUpdate('ClusterResource', cluster, projectId, { machines: true });
  if (cluster.status === 'Deleting') throw invalidReference(`Cluster '${cluster.name}' is being deleted`);
  return cluster;
}

function checkImported({ clouds }: HttpContext, { name, cloud }: ClusterRow): void {
  const its = clouds.get(cloud);
  if (its?.cannotScale !== undefined)
    throw invalidReference(`Cluster '${name}' takes no further machines: ${its.cannotScale}`);
  if (its?.keepsMachines) return;
  throw new ApiError(
    400,
    'INVALID_REFERENCE',
    `The machines of cluster '${name}' are made by the cloud '${cloud}'`,
    {
      hint: 'scale it; machines of your own make a cluster with: wadi cluster import',
    },
  );
}

async function addMachines(
  { secrets }: HttpContext,
  tx: Kysely<Schema>,
  cluster: ClusterRow,
  body: MachinesRequest,
  policy: AccessPolicy,
): Promise<void> {
  const rows = await listInventoryMachines(tx, cluster.id);
  const present: PresentMachines = {
    machines: rows.map((row) => ({
      ...{ name: row.name, address: row.address, port: row.ssh_port },
      ...{ isProxy: row.is_proxy, nodeGroup: row.node_group_name },
    })),
    hasProxy: await hasProxies(tx, cluster.id),
  };
  const planned = planAddition(body, policy.allowNetworks, present, methodOf(cluster, policy));
  const highest = new Map(rows.map((row) => [row.node_group_name, row.index]));
  await storeMachines(tx, secrets, cluster.id, planned, {
    numbered: (nodeGroup) => (highest.get(nodeGroup) ?? -1) + 1,
    spare: () => true,
  });
  // Those that were there have keys, or somebody said the same of them: it is of the new ones only.
  if (body.trust_first_contact)
    await updateCluster(tx, cluster.id, {
      access: JSON.stringify({ ...cluster.access, trust_first_contact: true }),
    });
}

async function view(db: Kysely<Schema>, clusterId: string): Promise<InventoryMachine[]> {
  const rows = await listInventoryMachines(db, clusterId);
  const place = (group: string, index: number) => `${group} ${index}`;
  const instances = new Map(
    (await listInstances(db, clusterId)).map((one) => [place(one.node_group_name, one.index), one]),
  );
  return rows.map((row) => viewMachine(row, instances.get(place(row.node_group_name, row.index))));
}

function viewMachine(row: InventoryRow, instance: InstanceWithGroup | undefined): InventoryMachine {
  // What was pinned since it is in use counts.
  const known = instance && instance.host_keys.length > 0 ? instance : row;
  return {
    name: row.name,
    node_group_name: row.node_group_name,
    is_proxy: row.is_proxy,
    address: row.address,
    floating_ip: row.floating_ip,
    management_address: row.management_address,
    port: row.ssh_port,
    user: row.login_user,
    host_key: {
      fingerprints: known.host_keys.map(fingerprint),
      keys: known.host_keys,
      source: known.host_key_source as InventoryMachine['host_key']['source'],
    },
    state: row.spare ? 'spare' : 'in use',
    instance_id: instance?.id ?? null,
  };
}
