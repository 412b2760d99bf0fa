import { setTimeout as sleep } from 'node:timers/promises';
import { type Reply, unauthorized } from './reply.ts';
import type { Clock } from './world.ts';

/** What goes wrong. */
export type Mischief =
  | { readonly status: 401 | 409 | 500 }
  /** Seconds. */
  | { readonly status: 503; readonly retryAfter: number }
  /** The answer ends in the middle of its JSON. */
  | { readonly truncated: true }
  /** The connection breaks before anything is answered. */
  | { readonly lost: true }
  /** Milliseconds of silence; then the answer, or the end of the connection where nothing was obeyed. */
  | { readonly stall: number }
  /** The same, until somebody says so. */
  | { readonly held: AbortSignal };

/**
 * Whether the service does nevertheless what it was asked: not at all (default), before it goes wrong, or a moment after the
 * client has heard of that, so that who looks at once finds nothing. A stall is followed by the real answer where it obeys.
 */
export type Obeys = 'no' | 'first' | 'late';

export interface Fault {
  /** `POST /compute/v2.1/servers`, `* /network/v2.0/ports/*`; a star stands for a whole segment. */
  readonly request: string;
  readonly mischief: Mischief;
  readonly obeys: Obeys;
  /** How many requests are still to meet it. */
  left: number;
  /** How many have. */
  met: number;
}

/** What to do with the connection. */
export type Outcome =
  | { readonly kind: 'answer'; readonly reply: Reply }
  | { readonly kind: 'truncated'; readonly reply: Reply }
  | { readonly kind: 'lost' };

/** Milliseconds after which a late service obeys. */
const lateness = 40;
/** Milliseconds after which nobody would say so any more. */
const mostHeld = 300_000;

/** What the test wants to go wrong, in the order in which it was said. */
export class Faults {
  readonly #faults: Fault[] = [];
  readonly #ended = new AbortController();
  readonly #underWay = new Set<Promise<Outcome>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For the next `times` (default 1) requests that match. */
  add(
    request: string,
    mischief: Mischief,
    options: { readonly times?: number; readonly obeys?: Obeys } = {},
  ): Fault {
    const { times = 1, obeys = 'no' } = options;
    const fault = { request, mischief, obeys, left: times, met: 0 };
    this.#faults.push(fault);
    return fault;
  }

  /** Takes back what has not happened yet. */
  clear(): void {
    for (const fault of this.#faults) fault.left = 0;
  }

  /** That are still to happen. */
  get pending(): readonly Fault[] {
    return this.#faults.filter(({ left }) => left > 0);
  }

  /** Counts the request. Null: nothing goes wrong with it. */
  take(method: string, path: string): Fault | null {
    const fault =
      this.#faults.find(({ left, request }) => left > 0 && isMeant(request, method, path)) ?? null;
    if (fault) {
      fault.left -= 1;
      fault.met += 1;
    }
    return fault;
  }

  apply(fault: Fault, obey: () => Reply | Promise<Reply>): Promise<Outcome> {
    const outcome = this.#apply(fault, obey).finally(() => this.#underWay.delete(outcome));
    this.#underWay.add(outcome);
    return outcome;
  }

  /** Resolves when nothing stalls. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #apply({ mischief, obeys }: Fault, obey: () => Reply | Promise<Reply>): Promise<Outcome> {
    const first = obeys === 'first' ? await obey() : null;
    if ('stall' in mischief || 'held' in mischief) {
      const [longest, signal] =
        'stall' in mischief
          ? [mischief.stall, this.#ended.signal]
          : [mostHeld, AbortSignal.any([this.#ended.signal, mischief.held])];
      await sleep(longest, undefined, { signal }).catch(() => undefined);
      if (obeys === 'no') return { kind: 'lost' };
      return { kind: 'answer', reply: first ?? (await obey()) };
    }
    if (obeys === 'late')
      this.#clock.after(lateness, () => this.#clock.call(async () => void (await obey())));
    if ('lost' in mischief) return { kind: 'lost' };
    if ('truncated' in mischief)
      return { kind: 'truncated', reply: first ?? { status: 200, body: { what: 'was asked' } } };
    return { kind: 'answer', reply: replyOf(mischief) };
  }

  /** Ends what stalls. */
  stop(): void {
    this.#ended.abort();
  }
}

function isMeant(request: string, method: string, path: string): boolean {
  const [wantedMethod, wantedPath = ''] = request.split(' ');
  const [wanted, segments] = [wantedPath.split('/'), path.split('/')];
  return (
    (wantedMethod === '*' || wantedMethod === method) &&
    wanted.length === segments.length &&
    wanted.every((part, index) => part === '*' || part === segments[index])
  );
}

function replyOf(
  mischief: Exclude<
    Mischief,
    { stall: number } | { held: AbortSignal } | { lost: true } | { truncated: true }
  >,
): Reply {
  const { status } = mischief;
  if (status === 401) return unauthorized().reply;
  const messages = {
    409: 'Something else is being done with it.',
    500: 'Unexpected API Error.',
    503: 'The service is too busy.',
  };
  const headers = status === 503 ? { 'retry-after': String(mischief.retryAfter) } : {};
  return { status, headers, body: { computeFault: { code: status, message: messages[status] } } };
}
