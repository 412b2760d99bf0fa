import type { AccessError, Phase } from '@wadi/indirect-access';
import type { Logger } from 'pino';
import type { EventLog } from '../events/event-log.ts';
import type { Database } from '../storage/database.ts';
import { type Finding, listUnreachable, storeFindings } from '../storage/instance-verdicts.ts';
import { findInstanceOwner } from '../storage/instances.ts';

/** Whose machines they are. */
export interface Owner {
  readonly projectId: string;
  readonly clusterId: string;
}

export interface NamedFinding {
  readonly name: string;
  readonly finding: Finding;
}

interface Known {
  readonly reachable: boolean;
  readonly phase: string | null;
}

/** Failures in these say that there is no way to the machine; in others the way was there. */
const phasesOfTheWay: readonly (Phase | undefined)[] = [
  'resolve',
  'dial',
  'banner',
  'key-exchange',
  'host-key',
  'authentication',
  'relay',
];

/**
 * What is known of each machine: whether it can be reached, else why not. A change is an event. It comes from looking,
 * and from what is done on machines anyway, where that costs nothing as long as nothing changes.
 */
export class Verdicts {
  readonly #db: Database;
  readonly #events: EventLog;
  readonly #log: Logger;
  /** As far as this controller has heard. */
  readonly #known = new Map<string, Known>();
  #loaded: Promise<void> | undefined;
  /** What is heard in passing is written one after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor({ db, events, log }: { db: Database; events: EventLog; log: Logger }) {
    this.#db = db;
    this.#events = events;
    this.#log = log;
  }

  /** Stored, and told where it is news. */
  async note({ projectId, clusterId }: Owner, found: readonly NamedFinding[]): Promise<void> {
    const names = new Map(found.map(({ name, finding }) => [finding.instance_id, name]));
    const findings = found.map(({ finding }) => finding);
    await this.#db.transaction().execute(async (tx) => {
      const news = (await storeFindings(tx, findings, new Date())).map((finding) => ({
        ...{ projectId, clusterId },
        type: finding.reachable ? 'instance.reachable' : 'instance.unreachable',
        body: { instance: names.get(finding.instance_id), ...told(finding) },
      }));
      await this.#events.appendAll(news, tx);
    });
    for (const finding of findings) this.#remember(finding);
  }

  /**
   * Something was to be done on the machine, and no route led there. That it fails in another way than before is told
   * only by who looks: what is done on machines meets now this proxy and now that one.
   */
  failed(owner: Owner, machine: { id: string; name: string }, error: AccessError, route: string): void {
    if (!phasesOfTheWay.includes(error.phase) || error.code === 'CANCELLED') return;
    if (this.#known.get(machine.id)?.reachable === false) return;
    const finding: Finding = {
      instance_id: machine.id,
      reachable: false,
      code: error.code,
      reason: error.reason ?? null,
      hop: error.hop ?? machine.name,
      phase: error.phase ?? null,
      message: error.message,
      hint: error.hint ?? null,
      route,
    };
    this.#afterLoading(async () => {
      if (this.#known.get(machine.id)?.reachable === false) return;
      await this.note(owner, [{ name: machine.name, finding }]);
    });
  }

  /** A connection to the machine came about. */
  connected(machine: { id: string; name: string }, route: string): void {
    this.#afterLoading(async () => {
      const known = this.#known.get(machine.id);
      if (!known || known.reachable || known.phase === 'command' || known.phase === 'channel') return;
      const owner = await findInstanceOwner(this.#db, machine.id);
      if (!owner) return;
      const { id: instance_id, name } = machine;
      const message = `${name} answers`;
      const nothing = { code: null, reason: null, hop: null, phase: null, hint: null };
      const finding = { instance_id, reachable: true, ...nothing, message, route };
      await this.note({ projectId: owner.project_id, clusterId: owner.cluster_id }, [{ name, finding }]);
    });
  }

  /** Of machines that are gone. */
  forget(instanceIds: readonly string[]): void {
    for (const id of instanceIds) this.#known.delete(id);
  }

  close(): Promise<void> {
    return this.#writing;
  }

  async #load(): Promise<void> {
    for (const row of await listUnreachable(this.#db))
      if (!this.#known.has(row.instance_id)) this.#remember(row);
  }

  #remember(finding: Finding): void {
    const { instance_id: id, reachable, phase } = finding;
    this.#known.set(id, { reachable, phase });
  }

  #afterLoading(work: () => Promise<void>): void {
    this.#writing = this.#writing
      .then(() => {
        this.#loaded ??= this.#load().catch((error) => {
          this.#loaded = undefined;
          throw error;
        });
        return this.#loaded;
      })
      .then(work)
      .catch((error) => this.#log.error({ err: error }, 'a verdict could not be recorded'));
  }
}

/** Of the finding all that says something. */
function told(finding: Finding): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(finding).filter(([name, value]) => name !== 'reachable' && value !== null),
  );
}
