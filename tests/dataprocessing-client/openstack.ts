import { execFile } from 'node:child_process';
import { expect } from 'vitest';
import { keepEvidence } from '../set-up/run-folder.ts';
import type { ClientFolder } from './client-folder.ts';

/** Milliseconds; the longest that a command waits for is a cluster. */
const deadline = 240_000;

export interface Printed {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `openstack … dataprocessing`, Debian's, with what stands between the two. */
export class OpenStack {
  readonly #folder: ClientFolder;
  readonly #options: readonly string[];

  /** `version` null: nothing is said about it. */
  constructor(folder: ClientFolder, version: '1.1' | '2' | null, ...options: readonly string[]) {
    this.#folder = folder;
    this.#options = version === null ? options : ['--os-data-processing-api-version', version, ...options];
  }

  /** Its words, separated by single spaces. */
  async run(command: string): Promise<Printed> {
    const args = [...this.#options, 'dataprocessing', ...command.split(' ')];
    const { path: cwd, env } = this.#folder;
    const printed = await new Promise<Printed>((resolve) => {
      const options = { cwd, env, timeout: deadline, killSignal: 'SIGKILL' } as const;
      const child = execFile('/usr/bin/openstack', args, options, (_error, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
    keepEvidence('openstack', [...args, ...Object.values(env), printed.stdout, printed.stderr].join('\n'));
    return printed;
  }

  /** What it says; it must succeed. */
  async say(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    expect([command, code, stderr]).toEqual([command, 0, '']);
    return stdout.trim();
  }

  /** What its table shows, by heading or row by row; it must succeed. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by using it.
  async show(command: string): Promise<any> {
    const text = await this.say(`${command} -f json`);
    // Some commands tell of their success in a line before.
    return JSON.parse(text.slice(Math.max(text.search(/^[[{]/m), 0)));
  }
}
