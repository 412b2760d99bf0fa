import { ApiError } from '@wadi/api';
import type { Logger } from 'pino';
import type { EventLog } from '../events/event-log.ts';
import { type ClusterRow, findCluster } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import {
  cancelUpload,
  listAbandonedUploads,
  listOver,
  listUploadTargets,
  noteProgress,
  type UploadRow,
} from '../storage/uploads.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { FairLimiter } from './fair-limiter.ts';
import { each, giveUpUnreachable, type Portion, passPortion } from './pass-portion.ts';
import { Spreading } from './spreading.ts';
import { TargetUpload } from './target-upload.ts';
import { givenUp, isWrongOffset } from './upload-errors.ts';

export interface UploadsParts {
  readonly db: Database;
  readonly access: ClusterAccess;
  readonly events: EventLog;
  readonly log: Logger;
}

/** Machines that are being connected to at once on this controller, and those of one project. */
const connecting = { most: 64, mostOfOne: 48 };
/** Milliseconds after which nobody will go on with an upload, and between two looks for such. */
const abandonedAfter = 24 * 3600 * 1000;
const lookInterval = 600_000;
/** Days that a machine keeps what nobody can tell it to remove, and milliseconds between looks for it there. */
const keepDays = 7;
const sweepInterval = 24 * 3600 * 1000;
const removalDeadline = 30_000;

interface Receiving {
  readonly abort: AbortController;
  readonly done: Promise<unknown>;
  readonly targets: TargetUpload[];
}

/** Passes portions of files on to machines. All that it knows is in the database and on the machines. */
export class Uploads {
  readonly #parts: UploadsParts;
  readonly #spreading: Spreading;
  readonly #connecting = new FairLimiter(connecting.most, connecting.mostOfOne);
  readonly #receiving = new Map<string, Receiving>();
  readonly #swept = new Map<string, number>();
  readonly #tidying = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #looking: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: UploadsParts) {
    this.#parts = parts;
    this.#spreading = new Spreading(parts.events);
  }

  /** Begins to look for what nobody goes on with, now and again. */
  watch(): void {
    const look = () => {
      this.#looking = this.#looking.then(() => this.#endAbandoned());
    };
    look();
    this.#timer = setInterval(look, lookInterval);
    this.#timer.unref();
  }

  /**
   * Sends a portion to all machines that still receive, at the pace of the slowest, and notes how far each is then. One that
   * nobody can reach any more is given up when others can be; when none can, UNREACHABLE. UPLOAD_OFFSET tells where to go
   * on in place of a portion that begins elsewhere. Of two portions at once the later ends the earlier.
   */
  async receive(upload: UploadRow, cluster: ClusterRow, portion: Portion): Promise<void> {
    // Nothing is awaited between the last look and the entry in the map: of several that come at once only one passes.
    for (let other = this.#receiving.get(upload.id); other; other = this.#receiving.get(upload.id))
      await this.#interrupt(upload.id, other);
    const abort = new AbortController();
    const end = () => abort.abort();
    for (const signal of [portion.signal, this.#closing.signal]) {
      if (signal.aborted) end();
      signal.addEventListener('abort', end, { once: true });
    }
    const targets: TargetUpload[] = [];
    const done = this.#receive(upload, cluster, { ...portion, signal: abort.signal }, targets);
    const receiving = { abort, done, targets };
    this.#receiving.set(upload.id, receiving);
    try {
      await done;
    } finally {
      for (const signal of [portion.signal, this.#closing.signal]) signal.removeEventListener('abort', end);
      if (this.#receiving.get(upload.id) === receiving) this.#receiving.delete(upload.id);
    }
  }

  /** The ways by which bytes go to machines at this moment, by the machines' ids. */
  routes(uploadId: string): ReadonlyMap<string, string | null> {
    const open = (this.#receiving.get(uploadId)?.targets ?? []).filter(({ isOpen }) => isOpen);
    return new Map(open.map(({ instance, route }) => [instance.id, route]));
  }

  /** Ends what this controller does for an upload; what machines have of it stays. */
  async interrupt(uploadId: string): Promise<void> {
    for (let other = this.#receiving.get(uploadId); other; other = this.#receiving.get(uploadId))
      await this.#interrupt(uploadId, other);
  }

  /** Ends an upload for good and removes what machines have of it, as far as they can be reached. */
  async cancel(upload: UploadRow, cluster: ClusterRow): Promise<void> {
    const { db } = this.#parts;
    await this.interrupt(upload.id);
    if (!(await db.transaction().execute((tx) => cancelUpload(tx, upload.id)))) return;
    // A portion that came before that was noted would put the file in its place all the same.
    await this.interrupt(upload.id);
    await this.#removeWhole(upload, cluster);
  }

  /** Ends what is received here of uploads that were cancelled by way of another controller. */
  async endCancelled(): Promise<void> {
    const { db } = this.#parts;
    for (const upload of await listOver(db, [...this.#receiving.keys()])) {
      if (upload.status !== 'cancelled') continue;
      await this.interrupt(upload.id);
      const cluster = await findCluster(db, upload.cluster_id);
      if (cluster) await this.#removeWhole(upload, cluster);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await Promise.allSettled([...this.#receiving.values()].map(({ done }) => done));
    await Promise.all([this.#looking, ...this.#tidying]);
  }

  async #interrupt(uploadId: string, receiving: Receiving): Promise<void> {
    receiving.abort.abort();
    await receiving.done.catch(() => {});
    // The one who waits for it takes it out of the map a moment later.
    if (this.#receiving.get(uploadId) === receiving) this.#receiving.delete(uploadId);
  }

  async #receive(
    upload: UploadRow,
    cluster: ClusterRow,
    portion: Portion,
    targets: TargetUpload[],
  ): Promise<void> {
    targets.push(...(await this.#targetsOf(upload, cluster, portion.signal)));
    try {
      await each(targets, (target) => target.open());
      giveUpUnreachable(targets);
      const open = targets.filter(({ isOpen }) => isOpen);
      const spread = async (some: readonly TargetUpload[]) => {
        const reach = await this.#parts.access.reach(cluster);
        return this.#spreading.begin({ upload, cluster, reach, portion, targets: some });
      };
      if (open.length > 0) await passPortion(upload, open, portion, spread);
    } catch (error) {
      await each(targets, async (target) => target.close());
      const known = isWrongOffset(error);
      const told = targets.filter(({ progress }) => known || progress.status !== 'receiving');
      await this.#note(upload, told);
      throw portion.signal.aborted && !(error instanceof ApiError) ? givenUp(error) : error;
    }
    await this.#note(upload, targets);
    this.#tidy(upload, cluster, targets);
  }

  async #targetsOf(upload: UploadRow, cluster: ClusterRow, signal: AbortSignal): Promise<TargetUpload[]> {
    const { db, access } = this.#parts;
    let first: ReturnType<ClusterAccess['reach']> | undefined = access.reach(cluster);
    const { facts } = await first;
    const known = new Map(facts.instances.map((instance) => [instance.id, instance]));
    const rows = (await listUploadTargets(db, upload.id)).filter(({ status }) => status === 'receiving');
    return rows.map(({ instance_id: id, instance_name: name }) => {
      const instance = known.get(id) ?? ({ id, name } as TargetUpload['instance']);
      return new TargetUpload({
        ...{ upload, instance, signal },
        reach: () => {
          const reach = first ?? access.reach(cluster);
          // For all at once; who tries again wants to know what is so by now.
          setImmediate(() => {
            first = undefined;
          });
          return reach;
        },
        connecting: (work) => this.#connecting.run(upload.project_id, work),
      });
    });
  }

  async #note(upload: UploadRow, targets: readonly TargetUpload[]): Promise<void> {
    const progress = targets.map((target) => target.progress);
    await this.#parts.db.transaction().execute((tx) => noteProgress(tx, upload, progress));
  }

  async #removeWhole(upload: UploadRow, cluster: ClusterRow): Promise<void> {
    const targets = await listUploadTargets(this.#parts.db, upload.id);
    const ids = targets.map((each) => each.instance_id);
    await this.#removeFrom(upload, cluster, ids);
  }

  /** Machines that are through need not keep anything; beside the work. */
  #tidy(upload: UploadRow, cluster: ClusterRow, targets: readonly TargetUpload[]): void {
    const over = targets.filter(({ progress }) => progress.status !== 'receiving');
    if (over.length === 0) return;
    const ids = over.map(({ instance }) => instance.id);
    const tidying = this.#removeFrom(upload, cluster, ids)
      .catch((error) => this.#parts.log.debug({ err: error, upload: upload.id }, 'an upload was not removed'))
      .finally(() => this.#tidying.delete(tidying));
    this.#tidying.add(tidying);
  }

  async #removeFrom(upload: UploadRow, cluster: ClusterRow, instanceIds: readonly string[]): Promise<void> {
    const { access, log } = this.#parts;
    const signal = AbortSignal.any([AbortSignal.timeout(removalDeadline), this.#closing.signal]);
    const options = { asRoot: upload.as_root, signal };
    const reach = await access.reach(cluster);
    await each(instanceIds, async (id) => {
      const instance = reach.find(id);
      if (!instance) return;
      try {
        await this.#connecting.run(upload.project_id, () =>
          reach.through(
            instance,
            async (route) => {
              const transfers = reach.indirect.transfers(route);
              await transfers.removeUpload(upload.id, options);
              if (this.#isToBeSwept(`${id} ${upload.as_root}`)) await transfers.sweep(keepDays, options);
            },
            signal,
          ),
        );
      } catch (error) {
        log.debug({ err: error, upload: upload.id, instance: instance.name }, 'an upload was not removed');
      }
    });
  }

  #isToBeSwept(key: string): boolean {
    const now = Date.now();
    if (now - (this.#swept.get(key) ?? 0) < sweepInterval) return false;
    if (this.#swept.size >= 20_000) this.#swept.clear();
    this.#swept.set(key, now);
    return true;
  }

  async #endAbandoned(): Promise<void> {
    const { db, log } = this.#parts;
    try {
      for (const upload of await listAbandonedUploads(db, new Date(Date.now() - abandonedAfter))) {
        const cluster = await findCluster(db, upload.cluster_id);
        if (!cluster || this.#closing.signal.aborted) continue;
        log.info({ upload: upload.id }, 'nobody goes on with an upload: it is given up');
        await this.cancel(upload, cluster);
      }
    } catch (error) {
      log.warn({ err: error }, 'looking for uploads that nobody goes on with failed; trying again');
    }
  }
}
