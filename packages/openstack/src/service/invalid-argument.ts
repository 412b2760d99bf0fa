import { OpenStackError } from '../errors.ts';

/** What is wrong is said before anything is sent. */
export function invalidArgument(problem: string, hint: string): OpenStackError {
  return new OpenStackError(problem, { code: 'INVALID_ARGUMENT', hint });
}
