import { OpenStackError } from '../errors.ts';
import { orAborted } from './deadline.ts';

/** Waits for work that others wait for too: cancelling ends the waiting, not the work. */
export async function cancellable<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  service: string,
): Promise<T> {
  if (!signal) return await work;
  try {
    return await orAborted(work, signal);
  } catch (error) {
    if (error instanceof OpenStackError || !signal.aborted) throw error;
    throw new OpenStackError(`${service}: it was cancelled`, {
      code: 'CANCELLED',
      service,
      cause: signal.reason,
    });
  }
}
