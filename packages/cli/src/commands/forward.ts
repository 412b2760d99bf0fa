import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { findMachine } from '../find-machine.ts';
import { machineProblem } from '../machine-problem.ts';
import { passConnections } from '../pass-connections.ts';
import { print, printJson, report } from '../print.ts';
import { openSession } from '../session.ts';
import { untilInterrupted } from '../until-interrupted.ts';

interface Options {
  readonly listen: string;
}

export function addForwardCommand(wadi: Command): void {
  wadi
    .command('forward')
    .description('a port of this computer becomes one of a machine, through whatever lies between')
    .argument(
      '<address>',
      "CLUSTER/NODE:PORT, or CLUSTER/NODE:127.0.0.1:PORT for what listens on the machine's own loopback",
    )
    .option('-l, --listen <address>', 'PORT or ADDRESS:PORT of this computer; 0: any free port', '0')
    .addHelpText(
      'after',
      `
Examples:
  wadi forward example/worker-1:8080
  wadi forward example/worker-1:127.0.0.1:5432 --listen 5432

It runs until Ctrl-C. Each connection is made by a way that works at that moment; what is open when a proxy is
lost breaks off.
${exitCodesHelp}`,
    )
    .action(async (text: string, options: Options, command: Command) => {
      const target = parseTarget(text);
      const listen = parseListen(options.listen);
      const session = openSession(command);
      const { cluster, machine } = await findMachine(session, target.machine);
      const request = { instance: machine.id, port: target.port, from: target.from };
      const server = await passConnections(listen, (signal) =>
        session.client.ports
          .open(cluster.id, request, { signal })
          .catch((error) => Promise.reject(machineProblem(error, machine.name))),
      );
      const { address, port } = server.address() as AddressInfo;
      const host = address.includes(':') ? `[${address}]` : address;
      if (session.json) printJson({ host: address, port });
      else print(`${host}:${port} leads to ${machine.name}:${target.port}; Ctrl-C ends it`);
      server.on('refused', (error: Error) => report(`wadi: ${error.message}`));
      await untilInterrupted();
      await server.stop();
      process.exitCode = ExitCode.interrupted;
    });
}

interface Target {
  readonly machine: string;
  readonly port: number;
  readonly from: 'network' | 'machine';
}

/** `CLUSTER/NODE:PORT` or `CLUSTER/NODE:127.0.0.1:PORT` */
export function parseTarget(text: string): Target {
  const [, machine, loopback, digits] =
    /^([^/:\s]+\/[^/:\s]+):(127\.0\.0\.1:|localhost:)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (machine === undefined || !(port >= 1 && port <= 65_535))
    throw usageError(
      `"${text}" is not a port of a machine`,
      'It looks like example/worker-1:8080, or example/worker-1:127.0.0.1:5432.',
    );
  return { machine, port, from: loopback === undefined ? 'network' : 'machine' };
}

/** `PORT`, `ADDRESS:PORT`, `[ADDRESS]:PORT` */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] =
    /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([^:\s[\]]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits ?? Number.NaN);
  if (!(port <= 65_535))
    throw usageError(
      `--listen "${text}" is not an address`,
      'It looks like 8080, 127.0.0.1:8080 or [::1]:8080.',
    );
  return { host: bracketed ?? plain ?? '127.0.0.1', port };
}
