import type { AccessError } from './errors.ts';
import type { RemoteProcess } from './remote-process.ts';

export interface Announcement {
  /** What it writes on stderr once the target has answered. */
  readonly text?: RegExp | undefined;
  /** The target speaks first, so that its first byte is proof. */
  readonly firstByte?: boolean;
}

/** Resolves once a relay program is through to its target; at once where it could not be told. */
export function untilConnected(
  process: RemoteProcess,
  { text, firstByte = false }: Announcement,
  said: () => string,
  explain: () => AccessError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!text && !firstByte) return resolve();
    const finish = () => {
      process.stderr.off('data', look);
      process.stdout.off('readable', look);
    };
    const look = () => {
      if (!text?.test(said()) && process.stdout.readableLength === 0) return;
      finish();
      resolve();
    };
    // The target's first byte proves it as well, should a version word it differently.
    process.stderr.on('data', look);
    process.stdout.on('readable', look);
    process.exit.then(
      async () => {
        finish();
        // Its last words may still be on their way.
        if (!process.stderr.closed) await new Promise((end) => process.stderr.once('close', end));
        reject(explain());
      },
      (error) => {
        finish();
        reject(error);
      },
    );
    look();
  });
}
