import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { CommandError, usageError } from '../command-error.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { findMachine } from '../find-machine.ts';
import { parseMachineAddress } from '../machine-address.ts';
import { machineProblem } from '../machine-problem.ts';
import { collect } from '../option-value.ts';
import { writeBytes } from '../print.ts';
import { openSession } from '../session.ts';

interface Options {
  readonly include?: boolean;
  readonly method?: string;
  readonly header?: string[];
  readonly body?: string;
  readonly fail?: boolean;
  readonly timeout: string;
}

export function addHttpCommand(wadi: Command): void {
  wadi
    .command('http')
    .description("fetch from a machine's web server, through whatever lies between")
    .argument('<address>', 'CLUSTER/NODE:PORT/PATH')
    .option('-i, --include', 'show status and headers too')
    .option('-X, --method <method>', 'default: GET, with a body POST')
    .option('-H, --header <name: value>', 'send this header; may be repeated', collect)
    .option('-d, --body <text>', 'send this body; @FILE sends a file, @- standard input')
    .option('-f, --fail', 'exit code 1 when the status is not 2xx')
    .option('--timeout <seconds>', 'for the answer to begin', '30')
    .addHelpText(
      'after',
      `
Examples:
  wadi http example/worker-1:8080/
  wadi http example/worker-1:8080/api/items -i -H 'Content-Type: application/json' -d '{"n":1}'
  wadi http example/worker-0:8080/status.json -f && echo healthy

The machine's answer comes as it is; redirects are not followed, cookies it sets are dropped.
${exitCodesHelp}`,
    )
    .action(async (text: string, options: Options, command: Command) => {
      const address = parseMachineAddress(text);
      const session = openSession(command);
      const { cluster, machine } = await findMachine(session, `${address.cluster}/${address.node}`);
      const target = { instance: machine.id, port: address.port, path: address.path };
      const init = await requestInit(options);
      const timeout = { timeout: Number(options.timeout) * 1000 || 30_000 };
      const answer = await session.client.instances
        .fetch(cluster.id, target, init, timeout)
        .catch((error) => Promise.reject(machineProblem(error, machine.name)));
      if (options.include) await writeBytes('stdout', headOf(answer));
      for await (const chunk of answer.body ?? []) await writeBytes('stdout', chunk);
      if (options.fail && !answer.ok) {
        throw new CommandError(`${machine.name} answered ${answer.status}`, ExitCode.failed);
      }
    });
}

async function requestInit(options: Options): Promise<RequestInit> {
  const headers = new Headers();
  for (const line of options.header ?? []) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw usageError(`-H "${line}": it is written 'Name: value'`);
    headers.append(name, value);
  }
  const { body } = options;
  const method = options.method ?? (body === undefined ? 'GET' : 'POST');
  if (!/^[A-Za-z]+$/.test(method)) throw usageError(`-X ${method}: not a method`);
  return { method: method.toUpperCase(), headers, ...(body !== undefined && { body: await bodyOf(body) }) };
}

async function bodyOf(given: string): Promise<string | Uint8Array<ArrayBuffer>> {
  if (!given.startsWith('@')) return given;
  if (given === '@-') return new Uint8Array(await buffer(process.stdin));
  try {
    return new Uint8Array(await readFile(given.slice(1)));
  } catch (error) {
    throw usageError(`cannot read ${given.slice(1)}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function headOf(answer: Response): Buffer {
  const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}\n`);
  return Buffer.from(`${`HTTP ${answer.status} ${answer.statusText}`.trimEnd()}\n${lines.join('')}\n`);
}
