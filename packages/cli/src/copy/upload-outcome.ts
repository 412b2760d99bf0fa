import type { Upload, UploadTarget } from '@wadi/api';
import { describeProblem } from '../describe-problem.ts';
import { ExitCode } from '../exit-code.ts';

/** What the machine itself says: it was reached. */
const ofMachine = new Set([
  ...['FILE_NOT_FOUND', 'PERMISSION_DENIED', 'FILE_FAILED', 'FILE_CHANGED', 'WRONG_DIGEST', 'SUDO_REFUSED'],
]);

export function isOfFile(errorName: string): boolean {
  return ofMachine.has(errorName);
}

/** A machine that could not be reached outweighs one that said no. */
export function exitCodeOfUpload({ targets }: Upload): ExitCode {
  const failed = targets.filter(({ status }) => status !== 'done');
  if (failed.length === 0) return ExitCode.ok;
  return failed.some(({ error }) => error && !isOfFile(error.code)) ? ExitCode.unreachable : ExitCode.failed;
}

/** A line for each machine that does not have the file; empty when all do. */
export function describeUpload({ targets }: Upload): string[] {
  const failed = targets.filter(({ status }) => status !== 'done');
  if (failed.length === 0) return [];
  const head = `${failed.length} of ${targets.length} do not have the file:`;
  return [head, ...failed.flatMap(describeTarget)];
}

function describeTarget({ instance_name: name, status, error }: UploadTarget): string[] {
  if (!error) return [`  ${name}: ${status}`];
  const line = `  ${name}: ${status}${describeProblem(error, name)}`;
  return error.hint ? [line, `    ${error.hint}`] : [line];
}
