import { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Sees to it that nothing leaves this process once it may have been counted as dead: no connection, no byte on one that is open,
 * no program. A process that was frozen does not learn of that first: timers and answers that came meanwhile are served
 * before anything else, and each could ask a cloud or a machine for something that another controller is at.
 *
 * `check` is asked before each, and throws or ends the process. Returns what takes the fence down.
 */
export function putUpFence(check: () => void): () => void {
  const taken = [
    guard(Socket.prototype, 'connect', check),
    guard(Socket.prototype, '_write', check),
    guard(Socket.prototype, '_writev', check),
    guard(ChildProcess.prototype, 'spawn', check),
  ];
  return () => {
    for (const takeDown of taken) takeDown();
  };
}

function guard<Name extends string>(
  prototype: object & { [name in Name]?: unknown },
  name: Name,
  check: () => void,
): () => void {
  const own = Object.getOwnPropertyDescriptor(prototype, name);
  const act = prototype[name] as (this: unknown, ...args: unknown[]) => unknown;
  prototype[name] = function guarded(this: unknown, ...args: unknown[]): unknown {
    check();
    return act.apply(this, args);
  } as never;
  return () => {
    if (own) Object.defineProperty(prototype, name, own);
    else delete prototype[name];
  };
}
