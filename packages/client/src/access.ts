import type {
  AccessSettings,
  AgentEnrollment,
  AgentEnrollmentAnswer,
  ClusterAccess,
  ClusterAccessAnswer,
} from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/clusters/{id}/access`: how a cluster's machines are reached. */
export class Access {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async get(cluster: string, options: CallOptions = {}): Promise<ClusterAccess> {
    return (await this.#transport.json<ClusterAccessAnswer>('GET', path(cluster), options)).access;
  }

  /** All of them: what is left out is as the controller has it. */
  async set(cluster: string, settings: AccessSettings, options: CallOptions = {}): Promise<ClusterAccess> {
    const call = { ...options, body: settings };
    return (await this.#transport.json<ClusterAccessAnswer>('PUT', path(cluster), call)).access;
  }

  /** What is to be run on a machine so that it dials in. */
  async enrollAgent(cluster: string, instance: string, options: CallOptions = {}): Promise<AgentEnrollment> {
    const at = `/v2/clusters/${encodeURIComponent(cluster)}/instances/${encodeURIComponent(instance)}/agent`;
    return (await this.#transport.json<AgentEnrollmentAnswer>('POST', at, options)).agent;
  }
}

function path(cluster: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/access`;
}
