import type {
  ClusterExplanation,
  ClusterExplanationAnswer,
  ExplainQuery,
  InstanceExplanation,
  InstanceExplanationAnswer,
  InstanceVerdict,
  InstanceVerdictAnswer,
} from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** Milliseconds; the controller itself stops earlier. */
const timeouts = { cluster: 180_000, instance: 90_000 };

/** `/v2/clusters/{id}/explain`: what fails on the way to machines, where, and what to do. */
export class Explanations {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Walks every route to a machine. @param instance name or id */
  async instance(
    cluster: string,
    instance: string,
    query: ExplainQuery = {},
    options: CallOptions = {},
  ): Promise<InstanceExplanation> {
    const call = { timeout: timeouts.instance, ...options, query };
    const path = instancePath(cluster, instance);
    return (await this.#transport.json<InstanceExplanationAnswer>('POST', path, call)).explanation;
  }

  /** Looks at all machines at once. */
  async cluster(
    cluster: string,
    query: ExplainQuery = {},
    options: CallOptions = {},
  ): Promise<ClusterExplanation> {
    const call = { timeout: timeouts.cluster, ...options, query };
    const path = clusterPath(cluster);
    return (await this.#transport.json<ClusterExplanationAnswer>('POST', path, call)).explanation;
  }

  /** What was found when somebody last looked. */
  async last(cluster: string, options: CallOptions = {}): Promise<ClusterExplanation> {
    const path = clusterPath(cluster);
    return (await this.#transport.json<ClusterExplanationAnswer>('GET', path, options)).explanation;
  }

  async lastOf(cluster: string, instance: string, options: CallOptions = {}): Promise<InstanceVerdict> {
    const path = instancePath(cluster, instance);
    return (await this.#transport.json<InstanceVerdictAnswer>('GET', path, options)).verdict;
  }
}

function clusterPath(cluster: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/explain`;
}

function instancePath(cluster: string, instance: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/instances/${encodeURIComponent(instance)}/explain`;
}
