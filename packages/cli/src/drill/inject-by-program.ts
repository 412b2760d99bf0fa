import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { CommandError, usageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { describeFault, type Fault, faultKinds, type Injector } from './injector.ts';

/** Milliseconds for one call of the program. */
const patience = 60_000;

/** Faults by a program of the operator's: called with `begin KIND PROXY [MACHINE]`, later with `end …`. */
export class InjectByProgram implements Injector {
  readonly kinds = faultKinds;
  readonly #program: string;
  readonly #args: readonly string[];

  constructor(program: string, args: readonly string[]) {
    this.#program = program;
    this.#args = args;
  }

  /** Throws at once when there is no such program, where its place is given. */
  async check(): Promise<void> {
    if (!this.#program.includes('/')) return;
    await access(this.#program, constants.X_OK).catch((error) => Promise.reject(this.#absent(error)));
  }

  begin(fault: Fault): Promise<void> {
    return this.#call('begin', fault);
  }

  end(fault: Fault): Promise<void> {
    return this.#call('end', fault);
  }

  async #call(what: 'begin' | 'end', fault: Fault): Promise<void> {
    const { kind, proxy, machine } = fault;
    const words = [what, kind, proxy, ...(machine === undefined ? [] : [machine])];
    // A group of its own: a terminal's Ctrl-C must not end it half done.
    const child = spawn(this.#program, [...this.#args, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      timeout: patience,
      killSignal: 'SIGKILL',
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    const ended = await new Promise<number | string>((resolve, reject) => {
      child.once('error', (error) => reject(this.#absent(error)));
      child.once('close', (status, signal) => resolve(status ?? signal ?? 'nothing'));
    });
    if (ended === 0) return;
    throw new CommandError(
      `${this.#program} could not ${what} the ${describeFault(fault)}: it ended with ${ended}`,
      ExitCode.failed,
      complaint.trim() || undefined,
    );
  }

  #absent(error: NodeJS.ErrnoException): CommandError {
    return usageError(`cannot start ${this.#program}: ${error.code}`);
  }
}
