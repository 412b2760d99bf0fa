import { OpenStackError } from '../errors.ts';
import { Deadline, orAborted } from './deadline.ts';

export interface Patience {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly deadline: number;
}

/** Waits for work that others wait for too: giving up ends the waiting, not the work. */
export async function cancellable<T>(work: Promise<T>, patience: Patience, service: string): Promise<T> {
  const deadline = new Deadline(patience.deadline, patience.signal);
  try {
    return await orAborted(work, deadline.signal);
  } catch (error) {
    if (error instanceof OpenStackError) throw error;
    if (deadline.expired)
      throw new OpenStackError(`${service}: no login and no address within ${patience.deadline / 1000} s`, {
        code: 'TIMEOUT',
        service,
        retryable: true,
      });
    throw new OpenStackError(`${service}: it was cancelled`, { code: 'CANCELLED', service, cause: error });
  } finally {
    deadline.release();
  }
}
