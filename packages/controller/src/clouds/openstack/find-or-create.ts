import { setTimeout as sleep } from 'node:timers/promises';
import { OpenStackError } from '@wadi/openstack';
import { type OpenRequests, patience } from './open-requests.ts';

const pause = 1_000;

interface Step<T> {
  find(): Promise<T | undefined>;
  create(): Promise<unknown>;
  /** For errors, and unique in its cluster: `security group NAME`. */
  readonly what: string;
  readonly clusterId: string;
  readonly openRequests: OpenRequests;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds, else creates and finds. Where the answer to a creation got lost, it looks for a while before it gives up: the creation
 * may have been obeyed. It never asks twice, and waits for what another controller asked for before it died; whoever calls it
 * again finds.
 */
export async function findOrCreate<T>({ openRequests, clusterId, ...step }: Step<T>): Promise<T> {
  const { find, create, what, signal } = step;
  const known = await find();
  if (known !== undefined) return known;
  const mayCome = await openRequests.mayCome(clusterId, what);
  const came = mayCome > 0 ? await look(find, mayCome, signal) : undefined;
  if (came !== undefined) {
    await openRequests.heard(clusterId, what);
    return came;
  }
  const lost = await openRequests.ask(clusterId, what, create).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof OpenStackError && error.maybeDone) return error;
      throw error;
    },
  );
  const found = await look(find, patience, signal);
  if (found !== undefined) {
    // What is seen was obeyed: nobody has to wait for it any more.
    if (lost) await openRequests.heard(clusterId, what);
    return found;
  }
  throw lost ?? new Error(`OpenStack has made ${what}, and does not show it: its administrator has to look`);
}

/** For so many milliseconds. */
async function look<T>(
  find: () => Promise<T | undefined>,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  const since = performance.now();
  for (;;) {
    const found = await find();
    if (found !== undefined || performance.now() - since > limit) return found;
    await sleep(pause, undefined, { signal });
  }
}
