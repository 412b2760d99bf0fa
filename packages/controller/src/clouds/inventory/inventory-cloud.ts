import type { Database } from '../../storage/database.ts';
import {
  countMachinesInUse,
  findInventoryMachine,
  findManagementAddress,
  hasProxies,
} from '../../storage/inventory-machines.ts';
import type {
  Cloud,
  CloudInstance,
  ClusterPlan,
  InstanceReference,
  InstanceRequest,
  Problem,
} from '../cloud.ts';

/** Machines that exist already: they are looked up, never made and never removed. */
export class InventoryCloud implements Cloud {
  readonly name = 'inventory';
  readonly keepsMachines = true;
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async validate({ clusterId, nodeGroups }: ClusterPlan): Promise<readonly Problem[]> {
    const machines = await countMachinesInUse(this.#db, clusterId);
    const wanted = nodeGroups.reduce((sum, group) => sum + group.count, 0);
    if (machines === wanted) return [];
    const message = `The inventory has ${machines} machines for ${wanted} instances`;
    return [{ errorName: 'INVALID_REFERENCE', message, hint: 'import the machines: wadi cluster import' }];
  }

  async findOrCreateInstance(request: InstanceRequest): Promise<CloudInstance> {
    const { clusterId, nodeGroup, index, name } = request;
    const machine = await findInventoryMachine(this.#db, clusterId, nodeGroup.name, index);
    if (!machine) throw new Error(`${name} is not in the inventory`);
    const dialled = nodeGroup.isProxy || !(await hasProxies(this.#db, clusterId));
    return {
      cloudInstanceId: machine.name,
      internalIp: machine.address,
      floatingIp: machine.floating_ip,
      // With a proxy in the cluster, only proxies are dialled: the others' addresses mean something behind them only.
      managementIp: dialled ? (machine.management_address ?? machine.address) : null,
      sshPort: machine.ssh_port,
      managementPort: null,
      loginUser: machine.login_user,
      hostKeys: machine.host_keys,
      hostKeySource: machine.host_key_source ?? 'given',
      credentialSecretId: machine.credential_secret_id,
    };
  }

  async promoteToProxy({ clusterId, name }: InstanceReference) {
    const address = await findManagementAddress(this.#db, clusterId, name);
    return address === null ? null : { address, port: null };
  }

  async deleteInstance(): Promise<void> {}

  async deleteCluster(): Promise<void> {}

  async resume(): Promise<void> {}

  async close(): Promise<void> {}
}
