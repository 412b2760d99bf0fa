import type { Duplex } from 'node:stream';
import type { CallOptions, Transport } from './transport.ts';
import { WadiError } from './wadi-error.ts';

export interface ShellRequest {
  /** Name or id of the instance. */
  readonly instance: string;
  /** In characters; default 80 and 24. */
  readonly columns?: number;
  readonly rows?: number;
  /** Kind of terminal; default `xterm-256color`. */
  readonly term?: string;
  readonly asRoot?: boolean;
}

/** How what ran in a terminal ended. */
export interface ShellExit {
  readonly status: number | null;
  /** Name without SIG, e.g. `HUP`. */
  readonly signal: string | null;
}

/** A terminal on a machine. */
export interface Shell {
  /** What is typed and what is shown. Destroying it hangs up what runs there. */
  readonly stream: Duplex;
  resize(columns: number, rows: number): void;
  /** Rejects with a WadiError when the connection went first: then nobody knows how it ended. */
  readonly exit: Promise<ShellExit>;
}

/** `/v2/clusters/{id}/instances/{instance}/shell`: terminals on machines. */
export class Shells {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** In Node. Never repeated. */
  async open(
    cluster: string,
    { instance, columns, rows, term, asRoot }: ShellRequest,
    options: CallOptions = {},
  ): Promise<Shell> {
    const path = `/v2/clusters/${encodeURIComponent(cluster)}/instances/${encodeURIComponent(instance)}/shell`;
    const query = { columns, rows, term, as_root: asRoot ? 'true' : undefined };
    let ended: (exit: ShellExit) => void = () => {};
    let lost: (error: Error) => void = () => {};
    const exit = new Promise<ShellExit>((resolve, reject) => {
      ended = resolve;
      lost = reject;
    });
    exit.catch(() => {});
    const stream = await this.#transport.open(path, {
      ...options,
      query,
      onControl: ({ type, status, signal }) => {
        if (type !== 'exit') return;
        ended({
          status: typeof status === 'number' ? status : null,
          signal: typeof signal === 'string' ? signal : null,
        });
      },
    });
    stream.on('error', () => {});
    stream.once('close', () => {
      const cause = stream.errored;
      const why = cause ? `: ${cause.message}` : '';
      lost(new WadiError(`the terminal was lost${why}`, { status: 0, errorName: 'CONNECTION_LOST', cause }));
    });
    return {
      stream,
      exit,
      resize: (width, height) => stream.control({ type: 'resize', columns: width, rows: height }),
    };
  }
}
