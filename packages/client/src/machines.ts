import type { InventoryMachine, InventoryMachineList, MachinesRequest } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/clusters/{id}/machines`: those that an imported cluster has, and those that it may take when it grows. */
export class Machines {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(cluster: string, options: CallOptions = {}): Promise<InventoryMachine[]> {
    return (await this.#transport.json<InventoryMachineList>('GET', path(cluster), options)).machines;
  }

  /** Spare ones: nothing is done on them until the cluster is scaled. Never repeated: the names are taken after the first. */
  async add(
    cluster: string,
    request: MachinesRequest,
    options: CallOptions = {},
  ): Promise<InventoryMachine[]> {
    const call = { ...options, body: request };
    return (await this.#transport.json<InventoryMachineList>('POST', path(cluster), call)).machines;
  }

  /** Only a spare one; nothing is done on it. */
  async remove(cluster: string, name: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.nothing('DELETE', `${path(cluster)}/${encodeURIComponent(name)}`, options);
  }
}

function path(cluster: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/machines`;
}
