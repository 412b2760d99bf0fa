import { withDeadline } from '../deadline.ts';
import { AccessError } from '../errors.ts';
import { fileError } from '../remote-files-error.ts';
import type { RemoteExit, RemoteProcess } from '../remote-process.ts';
import { LineReader } from './line-reader.ts';
import { NO_LANGUAGE } from './spread-scripts.ts';
import { TARGET_CHANGED, WRONG_DIGEST } from './upload-scripts.ts';

/** What is done to which file, for errors. */
export interface Doing {
  readonly machine: string;
  readonly action: 'upload' | 'download' | 'read';
  readonly path: string;
}

/** Milliseconds for a script that has said all that it has to say, or nonsense, to end. */
const endDeadline = 30_000;

/** A script of a transfer that runs: its lines, and why it ended. */
export class ScriptProcess {
  readonly process: RemoteProcess;
  readonly #doing: Doing;
  readonly #lines: LineReader;
  #stderr = '';

  constructor(process: RemoteProcess, doing: Doing) {
    this.process = process;
    this.#doing = doing;
    this.#lines = new LineReader(process.stdout);
    process.stdin.on('error', () => {});
    process.stderr.on('data', (chunk: Buffer) => {
      if (this.#stderr.length < 4096) this.#stderr += chunk.toString();
    });
  }

  /** The next line. Rejects with why there is none; ends the script when it takes longer than so many milliseconds. */
  async line(milliseconds: number): Promise<string> {
    const line = await this.#within(milliseconds, 'no answer', () => this.#lines.next());
    if (line !== undefined) return line;
    throw await this.failure();
  }

  /** The next line as `parse` understands it; a script that says something else is ended. */
  async read<T>(milliseconds: number, parse: (line: string) => T): Promise<T> {
    const line = await this.line(milliseconds);
    try {
      return parse(line);
    } catch (error) {
      void this.process.kill();
      throw error;
    }
  }

  /** How it ended, once it has said all; one that does not end is ended, and TIMEOUT. */
  end(): Promise<RemoteExit> {
    return this.#within(endDeadline, 'it does not end', () => this.process.exit);
  }

  async #within<T>(milliseconds: number, what: string, work: () => Promise<T>): Promise<T> {
    const { machine, action, path } = this.#doing;
    const late = () =>
      new AccessError(
        `${machine}: cannot ${action} ${JSON.stringify(path)}: ${what} within ${milliseconds} ms`,
        { code: 'TIMEOUT', hop: machine, phase: 'transfer' },
      );
    try {
      return await withDeadline({ milliseconds, late }, work);
    } catch (error) {
      void this.process.kill();
      throw error;
    }
  }

  /** Why it ended before it was through. Rejects when the connection went. */
  async failure(): Promise<AccessError> {
    const { machine, action, path } = this.#doing;
    this.process.stdout.resume();
    const { status } = await this.end();
    const where = { hop: machine, phase: 'transfer' } as const;
    if (status === TARGET_CHANGED)
      return new AccessError(`${machine}: ${JSON.stringify(path)} was changed by somebody else meanwhile`, {
        code: 'FILE_CHANGED',
        ...where,
        hint: 'look at it, and begin again',
      });
    if (status === WRONG_DIGEST)
      return new AccessError(
        `${machine}: what arrived for ${JSON.stringify(path)} does not have the SHA-256 that was announced`,
        { code: 'WRONG_DIGEST', ...where, hint: 'the file that is sent was changed meanwhile: begin again' },
      );
    if (status === NO_LANGUAGE)
      return new AccessError(`${machine}: it has neither python3 nor perl`, {
        code: 'COMMAND_FAILED',
        ...where,
      });
    return fileError(machine, action, path, status, this.#stderr);
  }
}
