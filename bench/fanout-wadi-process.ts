import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { RoundsInput } from './fanout-rounds.ts';

type Client = ChildProcessByStdio<Writable, Readable, null>;

/** A fresh process that connects to everything anew; resolves when it has ended, to how many machines failed. */
export async function coldWadi(input: RoundsInput): Promise<number> {
  const client = start(input, 'once');
  const ended = once(client, 'close');
  client.stdin.end();
  const output = await text(client.stdout);
  await ended;
  return failedIn(output === '' ? undefined : output, input);
}

/** One process that keeps its sessions from round to round. */
export class WarmWadi {
  readonly #client: Client;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #input: RoundsInput;

  private constructor(client: Client, input: RoundsInput) {
    this.#client = client;
    this.#input = input;
    this.#reader = createInterface({ input: client.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Connected to every machine when it resolves. */
  static async start(input: RoundsInput): Promise<WarmWadi> {
    const warm = new WarmWadi(start(input, 'again'), input);
    await warm.#result();
    return warm;
  }

  fanOut(): Promise<number> {
    this.#client.stdin.write('again\n');
    return this.#result();
  }

  async stop(): Promise<void> {
    const ended = once(this.#client, 'close');
    this.#client.stdin.end();
    await ended;
    this.#reader.close();
  }

  async #result(): Promise<number> {
    const { value, done } = await this.#lines.next();
    return failedIn(done ? undefined : value, this.#input);
  }
}

function start(input: RoundsInput, mode: 'once' | 'again'): Client {
  const client = spawn(process.execPath, [input.client, mode], {
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 600_000,
    killSignal: 'SIGKILL',
  });
  client.stdin.write(`${JSON.stringify(input.inventory)}\n`);
  return client;
}

function failedIn(line: string | undefined, input: RoundsInput): number {
  return line === undefined
    ? input.inventory.machines.length
    : (JSON.parse(line) as { failed: number }).failed;
}
