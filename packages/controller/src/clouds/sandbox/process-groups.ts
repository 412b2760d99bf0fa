import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endMarkedProcesses, marksAreVisible, startOfProcess } from './process-table.ts';

/** Milliseconds between asking a process group to end and ending it. */
const GRACE = 2000;

interface Group {
  readonly instanceId: string;
  /** When its leader started. */
  readonly start: string;
}

/**
 * The process groups of the commands that run on the sandbox's machines. Each is written down before anybody can
 * wait for it, so that a controller that was killed finds at its next start what it left behind.
 */
export class ProcessGroups {
  readonly #directory: string;
  readonly #mark: string;
  /** By group id, which is the number of the process that leads it. */
  readonly #groups = new Map<number, Group>();

  /** `mark`: the start of the value of WADI_SANDBOX in the environment of every process of this sandbox. */
  constructor(directory: string, mark: string) {
    this.#directory = directory;
    this.#mark = mark;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** The value of WADI_SANDBOX for a machine's processes. */
  markOf(instanceId: string): string {
    return `${this.#mark}/${instanceId}`;
  }

  /** Remembers a group by its leader, which must be a process that was just started. */
  add(pid: number, instanceId: string): void {
    const start = startOfProcess(pid) ?? '';
    this.#groups.set(pid, { instanceId, start });
    writeFileSync(this.#file(pid), start, { mode: 0o600 });
  }

  /** The leader has ended; what it left in the background stays remembered, as it would on a machine. */
  leaderEnded(pid: number): void {
    if (!isAlive(pid)) this.#forget(pid);
  }

  /** Asks the group to end, then ends it. Resolves when nothing of it is left. */
  async end(pid: number): Promise<void> {
    const group = this.#groups.get(pid);
    if (!group) return;
    // The kernel gives the number to nobody else while the group exists; another start time: the group is gone.
    const leader = startOfProcess(pid);
    if (leader !== undefined && leader !== group.start) return this.#forget(pid);
    signalGroup(pid, 'SIGTERM');
    for (const deadline = Date.now() + GRACE; isAlive(pid) && Date.now() < deadline; ) await sleep(25);
    if (isAlive(pid)) signalGroup(pid, 'SIGKILL');
    this.#forget(pid);
  }

  /** Ends everything that runs on a machine, even what left its group. */
  async endMachine(instanceId: string): Promise<void> {
    const own = [...this.#groups].filter(([, group]) => group.instanceId === instanceId);
    await Promise.all(own.map(([pid]) => this.end(pid)));
    await endMarkedProcesses(this.markOf(instanceId));
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#groups.keys()].map((pid) => this.end(pid)));
    await endMarkedProcesses(`${this.#mark}/`);
  }

  /** Ends what a controller left that did not come to its `close`. */
  async endLeftovers(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const pid = Number(name);
      if (this.#groups.has(pid)) continue;
      const start = await readFile(this.#file(pid), 'utf8');
      const leader = startOfProcess(pid);
      const ours = leader === start || (leader === undefined && !marksAreVisible);
      if (Number.isInteger(pid) && pid > 1 && start !== '' && ours) signalGroup(pid, 'SIGKILL');
      this.#forget(pid);
    }
    await endMarkedProcesses(`${this.#mark}/`);
  }

  #forget(pid: number): void {
    this.#groups.delete(pid);
    rmSync(this.#file(pid), { force: true });
  }

  #file(pid: number): string {
    return path.join(this.#directory, String(pid));
  }
}

/** Sends a signal to every process of a group; false: there is none. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
