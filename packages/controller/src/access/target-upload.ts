import { setTimeout as sleep } from 'node:timers/promises';
import {
  AccessError,
  describeRoute,
  type Route,
  type SpreadPortion,
  type UploadChannel,
  type UploadState,
} from '@wadi/indirect-access';
import type { TargetProgress, UploadRow } from '../storage/uploads.ts';
import { accessProblem } from './access-problem.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import type { ClusterReach } from './cluster-reach.ts';
import { NoRouteError } from './no-route-error.ts';

export interface TargetUploadParts {
  readonly upload: UploadRow;
  readonly instance: InstanceFacts;
  /** The ways to the machine as of now. */
  reach(): Promise<ClusterReach>;
  /** Runs what connects, of which only so much is done at once. */
  connecting<T>(work: () => Promise<T>): Promise<T>;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** Milliseconds that a way to the machine is sought, and between two attempts, growing. */
const patience = 30_000;
const [firstPause, longestPause] = [100, 3_000];

/** One machine while a portion comes: from a look at how much it has to its word of how much it has now. */
export class TargetUpload {
  readonly instance: InstanceFacts;
  readonly #parts: TargetUploadParts;
  #channel: UploadChannel | undefined;
  /** Whether the channel takes bytes already. */
  #begun = false;
  #route: Route | undefined;
  #offset = 0;
  #done = false;
  /** There is no such machine any more. */
  #isGone = false;
  #failure: unknown;
  /** Why there is no channel at the moment; the machine may well have what it got. */
  #lost: unknown;

  constructor(parts: TargetUploadParts) {
    this.#parts = parts;
    this.instance = parts.instance;
  }

  /** Bytes that it has, or that were sent to it. */
  get offset(): number {
    return this.#offset;
  }

  get route(): string | null {
    return this.#route ? describeRoute(this.#route) : null;
  }

  /** The proxy before the machine, by id; null: none. */
  get via(): string | null {
    return this.#route ? proxyOf(this.#route) : null;
  }

  get isOpen(): boolean {
    return this.#channel !== undefined;
  }

  /** Why nobody can reach it. */
  get lost(): unknown {
    return this.#lost;
  }

  get progress(): TargetProgress {
    const status = this.#failure !== undefined ? 'failed' : this.#done ? 'done' : 'receiving';
    const error = this.#failure === undefined ? null : accessProblem(this.#failure);
    return { instanceId: this.instance.id, offset: this.#offset, route: this.route, status, error };
  }

  /** Finds out how much it has, by whatever way there is; with all of it there, it is put in its place. */
  async open(): Promise<void> {
    const { signal } = this.#parts;
    this.#lost = undefined;
    const began = performance.now();
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#open();
      } catch (error) {
        if (signal.aborted) throw error;
        if (this.#isGone || isFinal(error)) return this.giveUp(error);
        if (performance.now() - began > patience) {
          this.#lost = error;
          return;
        }
        const most = Math.min(longestPause, firstPause * 2 ** Math.min(failures, 10));
        await sleep(most * (0.5 + Math.random() / 2), undefined, { signal });
      }
    }
  }

  /** Takes what it does not have yet of some bytes that begin at an offset. */
  async write(at: number, bytes: Buffer): Promise<void> {
    const missing = bytes.subarray(Math.max(0, this.#offset - at));
    if (!this.#channel || missing.length === 0) return;
    try {
      if (!this.#begun) this.#channel.begin(this.#offset);
      this.#begun = true;
      this.#offset += missing.length;
      await this.#channel.write(missing);
    } catch (error) {
      this.#drop(error);
    }
  }

  /** Has it fetch a portion from a proxy; resolves to what kept it from that, and then it has what it had before. */
  async pull(portion: SpreadPortion): Promise<unknown> {
    const channel = this.#channel;
    if (!channel || this.#begun) return undefined;
    try {
      this.#take(await channel.pull(portion));
      this.#channel = undefined;
      return undefined;
    } catch (error) {
      this.#channel = undefined;
      const isNo = error instanceof AccessError && ['COMMAND_FAILED', 'TIMEOUT'].includes(error.code);
      if (isNo) return error;
      // The connection went, not the machine's way to the proxy.
      this.#drop(error);
      return undefined;
    }
  }

  /** Asks what it has now; when the connection was lost, by another way. */
  async settle(): Promise<void> {
    const channel = this.#channel;
    if (channel && !this.#begun) this.close();
    else if (channel)
      try {
        this.#channel = undefined;
        this.#take(await channel.end());
      } catch (error) {
        this.#drop(error);
      }
    if (this.#lost === undefined || this.#failure !== undefined) return;
    await this.open();
    this.close();
  }

  giveUp(error: unknown): void {
    this.#failure = error;
    this.#lost = undefined;
    this.close();
  }

  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  async #open(): Promise<void> {
    const { upload, signal, connecting } = this.#parts;
    const reach = await this.#parts.reach();
    const known = reach.find(this.instance.id);
    this.#isGone = known === undefined;
    if (!known) throw gone(this.instance);
    const size = Number(upload.size);
    const spec = {
      ...{ id: upload.id, path: upload.path, size, sha256: upload.sha256, asRoot: upload.as_root, signal },
      ...(upload.mode === null ? {} : { mode: upload.mode }),
    };
    const channel = await connecting(() =>
      reach.through(
        known,
        (route) => {
          this.#route = route;
          return reach.indirect.transfers(route).openUpload(spec);
        },
        signal,
      ),
    );
    this.#take(channel.state);
    if (channel.state.done) return;
    this.#begun = false;
    if (channel.state.offset < size) {
      this.#channel = channel;
      return;
    }
    channel.begin(size);
    this.#take(await channel.end());
  }

  #take({ offset, done }: UploadState): void {
    this.#offset = offset;
    this.#done = done;
  }

  #drop(error: unknown): void {
    const channel = this.#channel;
    this.#channel = undefined;
    if (isFinal(error)) {
      this.giveUp(error);
      return;
    }
    this.#lost = error;
    // What it was sent may be on its way yet; to write it twice does no harm.
    void channel?.abort().catch(() => undefined);
  }
}

/** The last proxy of a route, by id; null: there is none. */
export function proxyOf({ hops }: Route): string | null {
  const last = hops.at(-1);
  return last?.kind === 'ssh' ? last.machine.id : null;
}

/** The machine has said no, or is another one: no other way leads further. */
function isFinal(error: unknown): boolean {
  if (error instanceof NoRouteError || !(error instanceof AccessError)) return true;
  // A proxy that was fenced a moment ago, in place of which another one serves.
  if (error.code === 'ADDRESS_NOT_ALLOWED' && error.retryable) return false;
  return final.has(error.code);
}

const final: ReadonlySet<AccessError['code']> = new Set([
  'ADDRESS_NOT_ALLOWED',
  'HOST_KEY_MISMATCH',
  'HOST_KEY_REFUSED',
  'AUTHENTICATION_FAILED',
  'SUDO_REFUSED',
  'FILE_NOT_FOUND',
  'PERMISSION_DENIED',
  'FILE_FAILED',
  'FILE_CHANGED',
  'WRONG_DIGEST',
  'COMMAND_FAILED',
  'INVALID_ARGUMENT',
]);

function gone({ name }: InstanceFacts): AccessError {
  return new AccessError(`machine ${name} is gone`, { code: 'CLOSED', hop: name });
}
