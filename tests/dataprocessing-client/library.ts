import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { keepEvidence } from '../set-up/run-folder.ts';
import type { ClientFolder } from './client-folder.ts';

const program = fileURLToPath(new URL('./call-library.py', import.meta.url));

export interface Refusal {
  readonly code: number | null;
  readonly name: string | null;
  readonly message: string | null;
}

/** Debian's python-saharaclient, in a process of its own. */
export class Library {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  readonly #answers: AsyncIterator<string>;
  #problem = '';

  /** `url`: of the service, where the cloud has none or another. */
  constructor(folder: ClientFolder, version: '1.1' | '2', cloud: string, url?: string) {
    const args = [program, version, cloud, ...(url === undefined ? [] : [url])];
    this.#process = spawn('/usr/bin/python3', args, { cwd: folder.path, env: folder.env });
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.on('data', (chunk) => {
      this.#problem += chunk;
    });
    this.#ended = once(this.#process, 'close');
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  /** Method of a manager, e.g. `clusters.get`, with its arguments by name; what it returned. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  async call(method: string, named: object = {}): Promise<any> {
    const { result, refusal } = await this.#ask(method, named);
    if (refusal) throw new Error(`${method}: ${refusal.name} ${refusal.code}: ${refusal.message}`);
    return result;
  }

  /** How the service refused it, as the library tells; it must be refused. */
  async refusal(method: string, named: object = {}): Promise<Refusal> {
    const { refusal } = await this.#ask(method, named);
    if (!refusal) throw new Error(`${method} was not refused`);
    return refusal;
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#ended;
    keepEvidence('python-saharaclient', this.#problem);
  }

  async #ask(method: string, named: object): Promise<{ result?: unknown; refusal?: Refusal }> {
    this.#process.stdin.write(`${JSON.stringify([method, named])}\n`);
    const { value, done } = await this.#answers.next();
    if (!done) return JSON.parse(value);
    await this.#ended;
    throw new Error(`python-saharaclient ended at ${method}: ${this.#problem}`);
  }
}
