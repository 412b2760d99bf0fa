import type { Run, RunAnswer, RunList, RunListQuery, RunOutputQuery, RunRequest } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

/** Names one stream of one machine's output. */
export interface OutputSource {
  /** Name or id of the instance. */
  readonly instance: string;
  readonly stream: RunOutputQuery['stream'];
  /** Byte to begin at. Default 0. */
  readonly offset?: number;
}

export interface OutputPage {
  readonly bytes: Uint8Array;
  /** Where to go on. */
  readonly nextOffset: number;
  /** Nothing will follow. */
  readonly end: boolean;
}

/** Longest wait asked of the controller in one call, in seconds. */
const longestWait = 20;
/** Tries of those who follow something to its end: about 20 s, enough for a controller to start again. */
const patientTries = 12;

/** `/v2/clusters/{id}/runs`: commands on machines, each at most once. */
export class Runs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Starts a command. The id is chosen here, so the call may be repeated after a lost connection without the
   * command running twice; give your own to make your repetitions safe as well.
   */
  async create(cluster: string, request: RunRequest, options: CallOptions = {}): Promise<Run> {
    const body = { ...request, id: request.id ?? crypto.randomUUID() };
    const call = { ...options, body, repeatable: true };
    return (await this.#transport.json<RunAnswer>('POST', runsPath(cluster), call)).run;
  }

  /** @param options.wait seconds to wait for its end, at most 60; answers earlier when it ends. */
  async get(cluster: string, run: string, options: CallOptions & { wait?: number } = {}): Promise<Run> {
    const call = { ...options, query: { wait: options.wait }, timeout: waiting(options) };
    return (await this.#transport.json<RunAnswer>('GET', runPath(cluster, run), call)).run;
  }

  /** Newest first. */
  async list(cluster: string, query: RunListQuery = {}, options: CallOptions = {}): Promise<Run[]> {
    return (await this.#transport.json<RunList>('GET', runsPath(cluster), { ...options, query })).runs;
  }

  /** Waits for the end, however long it takes and across a restart of the controller; bound it with `signal`. */
  async wait(cluster: string, run: string, options: { signal?: AbortSignal } = {}): Promise<Run> {
    for (;;) {
      const now = await this.get(cluster, run, { ...options, wait: longestWait, tries: patientTries });
      if (now.status !== 'running') return now;
    }
  }

  /** Ends the command on every machine where it still runs. */
  async cancel(cluster: string, run: string, options: CallOptions = {}): Promise<Run> {
    const call = { ...options, repeatable: true };
    return (await this.#transport.json<RunAnswer>('POST', `${runPath(cluster, run)}/cancel`, call)).run;
  }

  /** At most 1 MiB of output from an offset. @param options.wait seconds to wait for some. */
  async outputPage(
    cluster: string,
    run: string,
    source: OutputSource,
    options: CallOptions & { wait?: number } = {},
  ): Promise<OutputPage> {
    const offset = source.offset ?? 0;
    const query = { instance: source.instance, stream: source.stream, offset, wait: options.wait };
    const call = { ...options, query, timeout: waiting(options) };
    const { bytes, headers } = await this.#transport.bytes(`${runPath(cluster, run)}/output`, call);
    const nextOffset = Number(headers.get('Wadi-Next-Offset') ?? offset + bytes.length);
    return { bytes, nextOffset, end: headers.get('Wadi-End') === 'true' };
  }

  /**
   * The output as it comes, to its end. Goes on at the byte where it was after a lost connection; when the
   * controller stays away for about 20 s, throws CONTROLLER_UNREACHABLE.
   */
  async *output(
    cluster: string,
    run: string,
    source: OutputSource,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    let offset = source.offset ?? 0;
    for (;;) {
      const follow = { ...options, wait: longestWait, tries: patientTries };
      const page = await this.outputPage(cluster, run, { ...source, offset }, follow);
      if (page.bytes.length > 0) yield page.bytes;
      offset = page.nextOffset;
      if (page.end) return;
    }
  }
}

/** The controller may use all of `wait`; its answer needs some time on top. */
function waiting(options: CallOptions & { wait?: number }): number | undefined {
  return options.timeout ?? (options.wait === undefined ? undefined : options.wait * 1000 + 30_000);
}

function runsPath(cluster: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/runs`;
}

function runPath(cluster: string, run: string): string {
  return `${runsPath(cluster)}/${encodeURIComponent(run)}`;
}
