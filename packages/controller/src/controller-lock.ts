import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from './config.ts';

/**
 * One controller per data directory. The lock is a file that names its holder by process id and start time: one left by
 * a process that was killed is told from a living one, even when its number was given to another process.
 */
export function lockDataDirectory(directory: string): { release(): void } {
  const file = path.join(directory, 'controller.lock');
  const own = path.join(directory, `controller.lock.${randomBytes(6).toString('hex')}`);
  const content = `${process.pid} ${startTime(process.pid) ?? 'unknown'}\n`;
  writeFileSync(own, content, { mode: 0o600 });
  try {
    for (let attempt = 0; ; attempt++) {
      if (tryLink(own, file)) break;
      const holder = read(file);
      if (holder === null) continue;
      if (isAlive(holder) || attempt > 20)
        throw new ConfigError(
          `another controller (process ${holder.split(' ')[0]}) uses the data directory ${directory}: stop it, or name ` +
            'another directory with --data',
        );
      removeStale(file, holder);
    }
  } finally {
    rmSync(own, { force: true });
  }
  return {
    release() {
      if (read(file) === content) rmSync(file, { force: true });
    },
  };
}

/** False: somebody has it. A link appears with its content, so that nobody reads a half-written lock. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes away the dead one's lock, and only that: between reading and renaming another may have locked anew. */
function removeStale(file: string, stale: string): void {
  const aside = `${file}.stale.${randomBytes(6).toString('hex')}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (read(aside) !== stale) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function read(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

function isAlive(holder: string): boolean {
  const [pid, ...started] = holder.trim().split(' ');
  if (!/^\d+$/.test(pid ?? '')) return false;
  const now = startTime(Number(pid));
  return now !== null && (started.join(' ') === 'unknown' || now === started.join(' '));
}

/** When a process began, in words that only it has; null: there is none. */
function startTime(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      // After the name in parentheses, which may hold anything: field 22 of proc(5) is the start in ticks since boot.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      // A process that only waits to be collected holds nothing.
      if (fields[0] === 'Z') return null;
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}
