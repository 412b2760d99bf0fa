import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { keepEvidence } from '../set-up/run-folder.ts';
import type { ClientFolder } from './client-folder.ts';

const program = fileURLToPath(new URL('./fork-openstack.py', import.meta.url));

export interface Printed {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Debian's `openstack`, loaded once for all commands of a test file. */
class OpenStackForks {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #folder = mkdtempSync(path.join(inject('runFolder'), 'openstack-output-'));
  readonly #waiting = new Map<number, (code: number | null) => void>();
  #count = 0;
  #problem = '';

  constructor() {
    // What a command gets is in its request; this environment is none of it.
    const env = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', EVENTLET_NO_GREENDNS: 'yes' };
    this.#process = spawn('/usr/bin/python3', [program], { cwd: this.#folder, env });
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.on('data', (chunk) => {
      this.#problem += chunk;
    });
    createInterface(this.#process.stdout).on('line', (line) => {
      const { id, code } = JSON.parse(line) as { id: number; code: number };
      this.#waiting.get(id)?.(code);
      this.#waiting.delete(id);
    });
    this.#process.once('close', () => {
      for (const ended of this.#waiting.values()) ended(null);
      keepEvidence('openstack', this.#problem);
    });
  }

  async run({ path: cwd, env }: ClientFolder, args: readonly string[]): Promise<Printed> {
    const id = ++this.#count;
    const [stdout, stderr] = ['out', 'err'].map((name) => path.join(this.#folder, `${id}.${name}`)) as [
      string,
      string,
    ];
    const ended = new Promise<number | null>((resolve) => this.#waiting.set(id, resolve));
    this.#process.stdin.write(`${JSON.stringify({ id, args, cwd, env, stdout, stderr })}\n`);
    const code = await ended;
    if (code === null) throw new Error(`the openstack command came to an end: ${this.#problem}`);
    return { code, stdout: readFileSync(stdout, 'utf8'), stderr: readFileSync(stderr, 'utf8') };
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    if (this.#process.exitCode === null) await once(this.#process, 'close');
  }
}

let forks: OpenStackForks | undefined;

export function runOpenStack(folder: ClientFolder, args: readonly string[]): Promise<Printed> {
  forks ??= new OpenStackForks();
  return forks.run(folder, args);
}

/** For the end of a test file. */
export async function endOpenStack(): Promise<void> {
  await forks?.close();
  forks = undefined;
}
