import { randomUUID } from 'node:crypto';
import type { Run, Upload as UploadState } from '@wadi/api';
import { type WadiClient, WadiError } from '@wadi/client';
import { describeTarget } from '../run-outcome.ts';
import type { Carrier, Errand, ErrandEnd, UnderWay, Upload } from './carrier.ts';

/** About a minute: a controller that starts again is waited for. */
const tries = 30;
/** Milliseconds for a call that is sent again until it gets through. */
const timeout = 120_000;

/** Wadi, by its public API: each command is a run on one machine. */
export class WadiCarrier implements Carrier {
  readonly #client: WadiClient;
  readonly #cluster: string;
  readonly #errands = new Map<string, string>();
  readonly #uploads = new Map<string, string>();

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

  async upload({ id, machine, file, source, signal }: Upload): Promise<ErrandEnd> {
    const request = { id: randomUUID(), path: file, targets: [machine] };
    this.#uploads.set(request.id, id);
    try {
      return endOfUpload(await this.#client.files.upload(this.#cluster, request, source, { signal }));
    } catch (error) {
      if (!(error instanceof WadiError)) throw error;
      await this.#client.files
        .cancelUpload(this.#cluster, request.id, { timeout: 10_000 })
        .catch(() => undefined);
      return { succeeded: false, why: error.message };
    } finally {
      this.#uploads.delete(request.id);
    }
  }

  async underWay(): Promise<readonly UnderWay[]> {
    const [runs, uploads] = await Promise.all([
      this.#client.runs.list(this.#cluster, { limit: 1000 }),
      this.#uploadsUnderWay(),
    ]);
    const commands = runs.flatMap((run) => {
      const id = this.#errands.get(run.id);
      const [target] = run.targets;
      if (id === undefined || target?.status !== 'running') return [];
      return [{ id, machine: target.instance_name, proxies: proxiesOf(target.route) }];
    });
    return [...commands, ...uploads];
  }

  async #uploadsUnderWay(): Promise<UnderWay[]> {
    const looks = [...this.#uploads].map(async ([upload, id]) => {
      const { targets } = await this.#client.files.getUpload(this.#cluster, upload);
      return targets
        .filter(({ active }) => active)
        .map(({ instance_name: machine, route }) => ({ id, machine, proxies: proxiesOf(route) }));
    });
    return (await Promise.all(looks)).flat();
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

function endOfUpload({ targets: [target] }: UploadState): ErrandEnd {
  if (target?.status === 'done') return { succeeded: true, why: '' };
  return { succeeded: false, why: target?.error?.message ?? `it is ${target?.status}` };
}
