import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { CommandError, usageError } from '../command-error.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { findHost } from '../find-machine.ts';
import { machineProblem } from '../machine-problem.ts';
import { openSession } from '../session.ts';

export function addConnectCommand(wadi: Command): void {
  wadi
    .command('connect')
    .description(
      'standard input and output become a connection to a port of a machine: for ProxyCommand of ssh',
    )
    .argument('<host>', 'NODE.CLUSTER')
    .argument('<port>', '1 to 65535')
    .addHelpText(
      'after',
      `
Examples:
  wadi connect worker-1.example 22 < /dev/null
  ssh -o ProxyCommand='wadi connect %h %p' debian@worker-1.example
${exitCodesHelp}`,
    )
    .action(async (host: string, text: string, _options, command: Command) => {
      const port = portOf(text);
      const session = openSession(command);
      const { cluster, machine } = await findHost(session, host);
      const stream = await session.client.ports
        .open(cluster.id, { instance: machine.id, port })
        .catch((error) => Promise.reject(machineProblem(error, machine.name)));
      await passOn(stream, machine.name);
      // Who started us may keep our input open.
      process.stdin.destroy();
    });
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw usageError(`"${text}" is no port: 1 to 65535`);
  return port;
}

/** Until the machine has ended; that our input has ended leaves its direction open. */
async function passOn(stream: Duplex, machine: string): Promise<void> {
  const sending = pipeline(process.stdin, stream, { end: true }).catch(() => {});
  try {
    await new Promise<void>((resolve, reject) => {
      stream.once('end', resolve);
      stream.once('error', reject);
      stream.once('close', () => reject(new Error('it was closed')));
      stream.on('data', (chunk) => {
        if (process.stdout.write(chunk)) return;
        stream.pause();
        process.stdout.once('drain', () => stream.resume());
      });
    });
  } catch (error) {
    throw new CommandError(
      `the connection to ${machine} was lost: ${(error as Error).message}`,
      ExitCode.unreachable,
    );
  }
  if (!process.stdin.readableEnded) stream.end();
  process.stdin.unpipe(stream);
  void sending;
}
