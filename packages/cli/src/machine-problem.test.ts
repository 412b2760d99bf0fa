import { WadiError } from '@wadi/client';
import { expect, it } from 'vitest';
import { CommandError } from './command-error.ts';
import { machineProblem } from './machine-problem.ts';

const error = (status: number, errorName: string) => new WadiError('it failed', { status, errorName });

it.each([
  [502, 'CONNECTION_REFUSED'],
  [504, 'TIMEOUT'],
])('%i of the controller is about the machine', (status, name) => {
  const problem = machineProblem(error(status, name), 'blue-1');
  expect(problem).toBeInstanceOf(CommandError);
  expect(problem).toMatchObject({ exitCode: 3, message: expect.stringContaining('blue-1 is unreachable') });
});

it.each([
  ['what a balancer says of a lost controller', error(502, 'CONTROLLER_UNREACHABLE')],
  ['another refusal', error(403, 'FORBIDDEN')],
  ['what is no answer at all', new Error('no')],
])('%s stays what it is', (_, given) => {
  expect(machineProblem(given, 'blue-1')).toBe(given);
});
