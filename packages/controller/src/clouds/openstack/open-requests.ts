import { OpenStackError } from '@wadi/openstack';
import { ageOfRequest, forgetRequests, noteRequest } from '../../storage/cloud-requests.ts';
import type { Database } from '../../storage/database.ts';

/** Milliseconds after which what was asked for and is not seen will not come any more. A busy Neutron was seen to take 80 s. */
export const patience = 120_000;

/** Who makes things, and what was asked for without an answer: also by controllers that died of it. */
export interface Requesting {
  readonly openRequests: OpenRequests;
}

/**
 * What OpenStack was asked to make is written down before, and crossed out when it has answered. Where a controller dies in
 * between, the next one knows that something may still come.
 */
export class OpenRequests {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Milliseconds in which what an earlier request was for may still come; 0: there was none, or it is too long ago. */
  async mayCome(clusterId: string, what?: string): Promise<number> {
    const age = await ageOfRequest(this.#db, clusterId, what);
    return age === undefined ? 0 : Math.max(0, patience - age);
  }

  /** What leaves open whether it was obeyed stays written down. */
  async ask<T>(clusterId: string, what: string, act: () => Promise<T>): Promise<T> {
    await noteRequest(this.#db, clusterId, what);
    try {
      const answer = await act();
      await this.heard(clusterId, what);
      return answer;
    } catch (error) {
      if (!(error instanceof OpenStackError && error.maybeDone)) await this.heard(clusterId, what);
      throw error;
    }
  }

  /** Without `what`: of all that the cluster has. */
  async heard(clusterId: string, what?: string): Promise<void> {
    await forgetRequests(this.#db, clusterId, what);
  }
}
