import { setTimeout as sleep } from 'node:timers/promises';
import { OpenStackError } from '@wadi/openstack';

/** Milliseconds after which what was asked for and is not seen will not come any more. A busy Neutron was seen to take 80 s. */
const patience = 120_000;
const pause = 1_000;

interface Step<T> {
  find(): Promise<T | undefined>;
  create(): Promise<unknown>;
  /** For errors: `security group NAME`. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds, else creates and finds. Where the answer to a creation got lost, it looks for a while before it gives up: the creation
 * may have been obeyed. It never asks twice; whoever calls it again finds.
 */
export async function findOrCreate<T>({ find, create, what, signal }: Step<T>): Promise<T> {
  const known = await find();
  if (known !== undefined) return known;
  const lost = await create().then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof OpenStackError && error.maybeDone) return error;
      throw error;
    },
  );
  const since = performance.now();
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (performance.now() - since > patience)
      throw (
        lost ?? new Error(`OpenStack has made ${what}, and does not show it: its administrator has to look`)
      );
    await sleep(pause, undefined, { signal });
  }
}
