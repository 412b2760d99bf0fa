import type { AuditLine, AuditQuery, AuditVerdict, AuditVerifyQuery } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** `/v2/audit`: who reached what. For admins. */
export class Audit {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The lines of an export, oldest first, each a JSON object; see AuditLine. */
  async *lines(query: AuditQuery = {}, options: CallOptions = {}): AsyncGenerator<string, void, void> {
    let { after = 0 } = query;
    for (;;) {
      const call = { ...options, query: { project: query.project, after } };
      const { bytes } = await this.#transport.bytes('/v2/audit', call);
      const lines = new TextDecoder().decode(bytes).split('\n').slice(0, -1);
      yield* lines;
      const last = lines.at(-1);
      if (last === undefined) return;
      after = (JSON.parse(last) as AuditLine).sequence;
    }
  }

  async verify(query: AuditVerifyQuery = {}, options: CallOptions = {}): Promise<AuditVerdict> {
    const call = { timeout: 300_000, ...options, query: { project: query.project } };
    return await this.#transport.json<AuditVerdict>('GET', '/v2/audit/verify', call);
  }
}
