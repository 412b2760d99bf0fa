import { expect } from 'vitest';
import { keepEvidence } from '../set-up/run-folder.ts';
import type { ClientFolder } from './client-folder.ts';
import { type Printed, runOpenStack } from './openstack-forks.ts';

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
    const printed = await runOpenStack(this.#folder, args);
    const { env } = this.#folder;
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
