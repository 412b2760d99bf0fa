import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

const onLinux = process.platform === 'linux';

/** Whether `endMarkedProcesses` can see what a process was started with. */
export const marksAreVisible = onLinux;

/** When a process started, in words that no later process with the same number has; undefined: there is none. */
export function startOfProcess(pid: number): string | undefined {
  if (!onLinux) {
    const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout?.trim() || undefined;
  }
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the 22nd field, in ticks since boot. The second one, the name, may hold blanks and brackets.
    const ticks = text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
    return `${bootId()} ${ticks}`;
  } catch {
    return undefined;
  }
}

/**
 * Kills every process whose environment says `WADI_SANDBOX=<mark…>`: what a command started in a session of its own
 * is in no group that we know. Only Linux shows environments; elsewhere such a process lives on.
 */
export async function endMarkedProcesses(mark: string): Promise<void> {
  if (!onLinux) return;
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
    const value = environment.split('\0').find((entry) => entry.startsWith('WADI_SANDBOX='));
    const matches = mark.endsWith('/') ? value?.slice(13).startsWith(mark) : value?.slice(13) === mark;
    if (matches) kill(pid);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}
