import type { Duplex } from 'node:stream';
import type { PortQuery } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** Which port of which machine. */
export interface PortRequest {
  /** Name or id of the instance. */
  readonly instance: string;
  readonly port: number;
  /** `machine`: at its own 127.0.0.1. Default `network`: at the address that other machines see. */
  readonly from?: PortQuery['from'];
}

/** `/v2/clusters/{id}/instances/{instance}/ports/{port}`: connections to machines, through whatever lies between. */
export class Ports {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * A connection, in Node. Each direction ends by itself. A machine or port that cannot be reached is a WadiError that names
   * the hop. Never repeated.
   */
  open(cluster: string, { instance, port, from }: PortRequest, options: CallOptions = {}): Promise<Duplex> {
    const path = `/v2/clusters/${encodeURIComponent(cluster)}/instances/${encodeURIComponent(instance)}/ports/${port}`;
    return this.#transport.open(path, { ...options, query: { from } });
  }
}
