import type { WadiError } from '@wadi/client';
import { CommandError } from './command-error.ts';
import { describeProblem } from './describe-problem.ts';
import { ExitCode } from './exit-code.ts';

/** What the controller said of a machine that it did not get through to: the machine's trouble, not the controller's. */
export function machineUnreachable(error: WadiError, machine: string): CommandError {
  const { hop, phase } = error.body;
  const problem = {
    code: error.errorName,
    hop: typeof hop === 'string' ? hop : null,
    phase: typeof phase === 'string' ? phase : null,
    message: error.message,
  };
  const message = `${machine} is unreachable${describeProblem(problem, machine)}`;
  return new CommandError(message, ExitCode.unreachable, error.hint);
}
