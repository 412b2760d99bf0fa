import { WadiError } from '@wadi/client';
import { machineUnreachable } from './machine-unreachable.ts';

/** 502 and 504 mean that the controller did not get through; that is about the machine, not about the controller. */
export function machineProblem(error: unknown, machine: string): unknown {
  if (!(error instanceof WadiError) || (error.status !== 502 && error.status !== 504)) return error;
  // A balancer's, who has no controller to ask.
  if (error.errorName === 'CONTROLLER_UNREACHABLE') return error;
  return machineUnreachable(error, machine);
}
