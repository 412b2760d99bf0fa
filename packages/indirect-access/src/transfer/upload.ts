import { randomBytes } from 'node:crypto';
import { AccessError } from '../errors.ts';
import type { Route } from '../route.ts';
import type { Sessions } from '../session.ts';
import { drained } from './drained.ts';
import { remotePath } from './remote-path.ts';
import { ScriptProcess } from './script-process.ts';
import type { SpreadPortion } from './spread.ts';
import { uploadScript } from './upload-scripts.ts';

/** A file that is to be put on a machine. */
export interface UploadSpec {
  /** A UUID: the same id is the same upload, by whatever route and from whichever controller. */
  readonly id: string;
  /** A relative one starts at the login user's home. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  /** Absent: an existing file keeps its own and a new one gets 0644 less the umask. */
  readonly mode?: number | undefined;
  readonly asRoot?: boolean;
  readonly signal?: AbortSignal;
}

/** How much of it the machine has, in bytes from the beginning; `done`: it is checked and in its place. */
export interface UploadState {
  readonly offset: number;
  readonly done: boolean;
}

/** Milliseconds for the machine to look at what it has. */
const answerDeadline = 60_000;
/** Bytes that the slowest machine reads, checks and copies in a second. */
const slowestDisk = 4 << 20;
/** Milliseconds for a machine to reach a proxy that it is next to, and bytes that come from there in a second. */
const pullDeadline = 15_000;
const slowestNetwork = 1 << 20;

/** A channel to where an upload is kept. Losing it loses nothing that the machine has written. */
export class UploadChannel {
  readonly state: UploadState;
  readonly #script: ScriptProcess;
  readonly #size: number;
  readonly #name: string;

  private constructor(script: ScriptProcess, state: UploadState, size: number, name: string) {
    this.#script = script;
    this.state = state;
    this.#size = size;
    this.#name = name;
  }

  /** Looks for the upload, or makes a place for it. Refuses what cannot be put at its path. */
  static async open(
    sessions: Pick<Sessions, 'spawn'>,
    route: Route,
    spec: UploadSpec,
  ): Promise<UploadChannel> {
    checkSpec(spec);
    const { id, size, sha256, mode, asRoot = false, signal } = spec;
    const path = remotePath(spec.path);
    const temporary = `.wadi-${randomBytes(16).toString('hex')}`;
    const words = [id, path, String(size), sha256, mode === undefined ? '' : mode.toString(8), temporary];
    const command = ['sh', '-c', uploadScript, 'wadi-upload', ...words];
    const process = await sessions.spawn(route, command, { asRoot, ...(signal ? { signal } : {}) });
    const { name } = route.machine;
    const script = new ScriptProcess(process, { machine: name, action: 'upload', path: spec.path });
    const state = await script.read(answerDeadline, (line) => parseState(line, size));
    if (state.done) process.stdin.end();
    return new UploadChannel(script, state, size, name);
  }

  /** From this byte on, which must be one that the machine has or the next after them. Once, before the first write. */
  begin(offset: number): void {
    this.#script.process.stdin.write(`take ${offset}\n`);
  }

  /** Resolves when there is room for more. Rejects with CONNECTION_LOST, TIMEOUT, or why the machine cannot take it. */
  async write(bytes: Buffer): Promise<void> {
    const { stdin } = this.#script.process;
    if (stdin.destroyed) throw await this.#script.failure();
    if (stdin.write(bytes)) return;
    await drained(stdin, this.#name);
    if (stdin.destroyed) throw await this.#script.failure();
  }

  /** After the last write: how far the machine is. With all bytes there it checks them and puts the file in its place. */
  async end(): Promise<UploadState> {
    this.#script.process.stdin.end();
    const checking = (this.#size / slowestDisk) * 1000;
    return this.#script.read(answerDeadline + checking, (line) => parseState(line, this.#size));
  }

  /** In place of `begin` and writes: the machine fetches a portion from a proxy. Throws what kept it from that. */
  async pull(portion: SpreadPortion): Promise<UploadState> {
    const { offset, length, sha256, address, port, token, key } = portion;
    const line = ['pull', offset, length, sha256, address, port, token, key].join(' ');
    this.#script.process.stdin.end(`${line}
`);
    const patience = pullDeadline + (length / slowestNetwork) * 1000;
    return this.#script.read(patience, (said) => {
      if (!said.startsWith('no ')) return parseState(said, this.#size);
      throw new AccessError(`${this.#name}: ${said.slice(3)}`, {
        code: 'COMMAND_FAILED',
        hop: this.#name,
        phase: 'transfer',
      });
    });
  }

  /** For who wants no more than the state, or gives up. */
  close(): void {
    this.#script.process.stdin.end();
    this.#script.process.stdout.resume();
  }

  /** Ends what runs on the machine. */
  async abort(): Promise<void> {
    await this.#script.process.kill();
  }
}

function parseState(line: string, size: number): UploadState {
  if (line === 'done') return { offset: size, done: true };
  const [, digits] = /^at (\d+)$/.exec(line) ?? [];
  if (digits !== undefined && Number(digits) <= size) return { offset: Number(digits), done: false };
  throw new AccessError('the machine says something else than how much of an upload it has', {
    code: 'COMMAND_FAILED',
    phase: 'transfer',
  });
}

function checkSpec({ id, size, sha256, mode = 0 }: UploadSpec): void {
  const fits =
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    Number.isInteger(mode) &&
    mode >= 0 &&
    mode <= 0o7777;
  if (!fits)
    throw new AccessError('not an upload: it has a UUID, a size, a SHA-256 in hex and a mode up to 7777', {
      code: 'INVALID_ARGUMENT',
      phase: 'transfer',
    });
}
