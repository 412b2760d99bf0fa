import type { Duplex } from 'node:stream';

/** Bytes, and why it ended early; absent: both sides said their ends. */
export interface Joined {
  /** To the machine. */
  readonly sent: number;
  /** From the machine. */
  readonly received: number;
  readonly error?: string;
}

/**
 * Passes bytes both ways until both directions have ended or one side breaks, which breaks the other. An end in one
 * direction is passed on and leaves the other open.
 */
export function joinStreams(caller: Duplex, machine: Duplex, signal: AbortSignal): Promise<Joined> {
  return new Promise((resolve) => {
    let sent = 0;
    let received = 0;
    let error: string | undefined;
    const fail = (by: Duplex) => (cause?: Error) => {
      if (!cause && by.readableEnded && by.writableFinished) return;
      error ??= cause?.message ?? 'it was cut off';
      for (const each of [caller, machine]) if (!each.destroyed) each.destroy(cause);
    };
    const stop = () => fail(caller)(new Error('the caller went, or the controller stops'));
    let open = 2;
    const closed = () => {
      open -= 1;
      if (open > 0) return;
      signal.removeEventListener('abort', stop);
      resolve({ sent, received, ...(error !== undefined && { error }) });
    };
    for (const each of [caller, machine]) {
      const failed = fail(each);
      each.on('error', failed);
      each.once('close', () => {
        failed();
        closed();
      });
    }
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    caller.on('data', (chunk: Buffer) => {
      sent += chunk.length;
    });
    machine.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    caller.pipe(machine);
    machine.pipe(caller);
  });
}
