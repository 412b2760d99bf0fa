import { constants } from 'node:os';
import type { Shell, ShellExit } from '@wadi/client';
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { findMachine } from '../find-machine.ts';
import { machineProblem } from '../machine-problem.ts';
import { rawTerminal } from '../raw-terminal.ts';
import { openSession } from '../session.ts';

interface Options {
  readonly root?: boolean;
}

export function addShellCommand(wadi: Command): void {
  wadi
    .command('shell')
    .description('a terminal on a machine, through whatever lies between')
    .argument('<machine>', 'CLUSTER/NODE')
    .option('--root', 'as root, by sudo -n')
    .addHelpText(
      'after',
      `
Examples:
  wadi shell example/worker-1
  wadi shell example/worker-1 --root

The exit code is that of the shell there; 128 and a number where a signal ended it.
${exitCodesHelp}`,
    )
    .action(async (text: string, options: Options, command: Command) => {
      const session = openSession(command);
      const { cluster, machine } = await findMachine(session, text);
      const { columns = 80, rows = 24 } = process.stdout;
      const term = process.env.TERM;
      const shell = await session.client.shells
        .open(cluster.id, {
          instance: machine.id,
          columns,
          rows,
          ...(options.root ? { asRoot: true } : {}),
          ...(term && /^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/.test(term) ? { term } : {}),
        })
        .catch((error) => Promise.reject(machineProblem(error, machine.name)));
      const exit = await attach(shell).catch((error) => {
        throw new CommandError(`${machine.name}: ${error.message}`, ExitCode.unreachable);
      });
      process.exitCode = exitCodeOf(exit);
    });
}

/** Our terminal is the machine's until it ends: every key goes there, Ctrl-C too. */
async function attach({ stream, resize, exit }: Shell): Promise<ShellExit> {
  const { stdin, stdout } = process;
  const changed = () => resize(stdout.columns, stdout.rows);
  const restore = stdin.isTTY ? rawTerminal() : () => {};
  if (stdout.isTTY) stdout.on('resize', changed);
  stdin.pipe(stream);
  // As it is: commanding our terminal is what a terminal is for.
  stream.pipe(stdout, { end: false });
  try {
    return await exit.finally(() => ended(stream));
  } finally {
    stdout.off('resize', changed);
    stdin.unpipe(stream);
    restore();
    stdin.destroy();
    stream.end();
  }
}

/** What was shown last comes after the exit is known. */
function ended(stream: Shell['stream']): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    for (const event of ['end', 'close'] as const) stream.once(event, () => resolve());
  });
}

function exitCodeOf({ status, signal }: ShellExit): number {
  if (status !== null) return status;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return 128 + (numbers[`SIG${signal}`] ?? 0);
}
