import { randomUUID } from 'node:crypto';
import type { Run } from '@wadi/api';
import { type WadiClient, WadiError } from '@wadi/client';
import { describeTarget } from '../run-outcome.ts';
import type { Carrier, Errand, ErrandEnd, UnderWay, Upload } from './carrier.ts';

/** Of an upload, given to one run: its input is read by a shell, character by character. */
const pieceBytes = 256 * 1024;
/** About a minute: a controller that starts again is waited for. */
const tries = 30;
/** Milliseconds for a call that is sent again until it gets through. */
const timeout = 120_000;

/** Wadi, by its public API: each command is a run on one machine, an upload is a row of runs that append to a file. */
export class WadiCarrier implements Carrier {
  readonly #client: WadiClient;
  readonly #cluster: string;
  readonly #errands = new Map<string, string>();

  constructor(client: WadiClient, cluster: string) {
    this.#client = client;
    this.#cluster = cluster;
  }

  async carry(errand: Errand): Promise<ErrandEnd> {
    const run = randomUUID();
    this.#errands.set(run, errand.id);
    try {
      return await this.#carry(run, errand);
    } catch (error) {
      if (!(error instanceof WadiError)) throw error;
      if (errand.signal.aborted) await this.#cancel(run);
      return { succeeded: false, why: error.message };
    } finally {
      this.#errands.delete(run);
    }
  }

  async upload({ id, machine, file, content, signal }: Upload): Promise<ErrandEnd> {
    const argv = ['sh', '-c', 'base64 -d >> "$HOME/$1"', 'wadi-drill', file];
    for await (const piece of piecesOf(content)) {
      const stdin = Buffer.from(piece.toString('base64'));
      const end = await this.carry({
        ...{ id, machine, argv, stdin, signal },
        outputBytes: 0,
        onOutput: () => {},
      });
      if (!end.succeeded) return end;
    }
    return { succeeded: true, why: '' };
  }

  async underWay(): Promise<readonly UnderWay[]> {
    const runs = await this.#client.runs.list(this.#cluster, { limit: 1000 });
    return runs.flatMap((run) => {
      const id = this.#errands.get(run.id);
      const [target] = run.targets;
      if (id === undefined || target?.status !== 'running') return [];
      return [{ id, machine: target.instance_name, proxies: proxiesOf(target.route) }];
    });
  }

  async #carry(
    run: string,
    { machine, argv, stdin, outputBytes, onOutput, signal }: Errand,
  ): Promise<ErrandEnd> {
    const { runs } = this.#client;
    const request = {
      id: run,
      command: [...argv],
      targets: [machine],
      max_output_bytes: outputBytes * 2,
      ...(stdin && { stdin_base64: Buffer.from(stdin).toString('base64') }),
    };
    await runs.create(this.#cluster, request, { signal, tries, timeout });
    const source = { instance: machine, stream: 'stdout' } as const;
    for await (const bytes of runs.output(this.#cluster, run, source, { signal })) onOutput(bytes);
    return endOf(await runs.wait(this.#cluster, run, { signal }));
  }

  /** It would end by itself; nobody waits for it any more. */
  async #cancel(run: string): Promise<void> {
    await this.#client.runs.cancel(this.#cluster, run, { timeout: 10_000 }).catch(() => undefined);
  }
}

function endOf(run: Run): ErrandEnd {
  const [target] = run.targets;
  if (target?.status === 'succeeded') return { succeeded: true, why: '' };
  return { succeeded: false, why: target ? describeTarget(target) : 'the run has no target' };
}

/** `tcp > proxy-1 > machine-2`: what lies between the first hop and the machine. */
function proxiesOf(route: string | null): string[] {
  return route?.split(' > ').slice(1, -1) ?? [];
}

async function* piecesOf(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let kept: Buffer[] = [];
  let bytes = 0;
  for await (const part of content) {
    kept.push(part);
    bytes += part.length;
    if (bytes < pieceBytes) continue;
    yield Buffer.concat(kept);
    kept = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(kept);
}
