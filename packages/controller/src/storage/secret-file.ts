import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, statSync, unlinkSync, writeSync } from 'node:fs';

/**
 * Creates a file that only its owner may read, unless there is one: then refuses when others can read it. Appears
 * with its whole content or not at all, also when the power fails or two processes start at once.
 */
export function createSecretFile(file: string, content: () => string): void {
  if (isPrivate(file)) return;
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(descriptor, content());
    fsyncSync(descriptor);
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    closeSync(descriptor);
    unlinkSync(temporary);
  }
}

function isPrivate(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) return false;
  if ((stat.mode & 0o077) !== 0)
    throw new Error(`${file} can be read by others (mode ${(stat.mode & 0o777).toString(8)}): chmod 600 it`);
  return true;
}
