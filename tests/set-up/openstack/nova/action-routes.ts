import { nova } from '../reply.ts';
import type { Route } from '../routes.ts';
import type { World } from '../world.ts';
import type { Life } from './life.ts';
import { machineOf } from './machine.ts';
import type { Server, Status } from './nova.ts';
import { findServer } from './server-routes.ts';

const powers: Readonly<
  Record<string, { readonly change: 'start' | 'stop' | 'reboot'; readonly from: readonly Status[] }>
> = {
  'os-start': { change: 'start', from: ['SHUTOFF'] },
  'os-stop': { change: 'stop', from: ['ACTIVE', 'ERROR'] },
  reboot: { change: 'reboot', from: ['ACTIVE'] },
};

export function actionRoutes(world: World, life: Life): Route[] {
  function consoleOf(server: Server, length: unknown) {
    if (server.host === null) throw nova(409, `Instance ${server.id} is not ready`);
    const output = world.hooks.consoleOutput ? world.hooks.consoleOutput(machineOf(world, server)) : '';
    // As Nova's fault wrapper says it of a driver that lacks the method.
    if (output === null) throw nova(501, 'The requested functionality is not supported.');
    const lines = output.split('\n');
    // A line end is no line of its own.
    const most = Number(length) + (output.endsWith('\n') ? 1 : 0);
    return {
      status: 200,
      body: { output: length === undefined || length === null ? output : lines.slice(-most).join('\n') },
    };
  }

  return [
    {
      method: 'POST',
      pattern: '/compute/v2.1/servers/:id/action',
      handler(asked) {
        const server = findServer(world, asked);
        const [[action = '', argument] = []] = Object.entries<{ length?: unknown } | null>(asked.body ?? {});
        if (action === 'os-getConsoleOutput') return consoleOf(server, argument?.length);
        const power = powers[action];
        if (!power) throw nova(400, `There is no such action: ${action}`);
        const { change, from } = power;
        // No cell has it yet.
        if (server.task === 'scheduling') throw nova(404, `Instance ${server.id} could not be found.`);
        const which = `Cannot '${change}' instance ${server.id} while it is in`;
        if (!from.includes(server.status))
          throw nova(409, `${which} vm_state ${server.status.toLowerCase()}`);
        if (server.task !== null) throw nova(409, `${which} task_state ${server.task}`);
        life.power(server, change);
        return { status: 202 };
      },
    },
  ];
}
