import type { ClusterEvent, ClusterEventList, ClusterEventQuery } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** Tries of those who follow: about 20 s, enough for a controller to start again. */
const patientTries = 12;

/** `/v2/clusters/{id}/events`: what a person waits for or suffers from. */
export class Events {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Oldest first, after `query.after`. @param query.wait seconds to wait for one when there is none yet. */
  async list(cluster: string, query: ClusterEventQuery = {}, options: CallOptions = {}) {
    const path = `/v2/clusters/${encodeURIComponent(cluster)}/events`;
    const timeout = options.timeout ?? (query.wait === undefined ? undefined : query.wait * 1000 + 30_000);
    const call = { ...options, query, timeout };
    return (await this.#transport.json<ClusterEventList>('GET', path, call)).events;
  }

  /** All events and, once they are through, each further one when it happens, until `signal` ends it. */
  async *follow(
    cluster: string,
    options: { after?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<ClusterEvent, void, void> {
    let after = options.after;
    for (;;) {
      const query = { wait: 20, ...(after === undefined ? {} : { after }) };
      const { signal } = options;
      for (const event of await this.list(cluster, query, { signal, tries: patientTries })) {
        yield event;
        after = event.sequence;
      }
    }
  }
}
