import type { DoctorAnswer, Doctor as Findings, LeftoverReference, LeftoverRemovalAnswer } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** Milliseconds; a cloud takes its time to delete machines. */
const patience = 900_000;

/** `/v2/doctor`: what is left of clusters that are gone. For admins; those of the project `default` see all projects. */
export class Doctor {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Changes nothing. */
  async examine(options: CallOptions = {}): Promise<Findings> {
    const call = { timeout: patience, ...options };
    return (await this.#transport.json<DoctorAnswer>('GET', '/v2/doctor', call)).doctor;
  }

  /** Removes what may be removed of these, and resolves when it is gone. What stays is told with the reason. */
  async remove(
    leftovers: readonly LeftoverReference[],
    options: CallOptions = {},
  ): Promise<LeftoverRemovalAnswer> {
    const call = { timeout: patience, ...options, body: { leftovers } };
    return await this.#transport.json<LeftoverRemovalAnswer>('POST', '/v2/doctor/remove', call);
  }
}
