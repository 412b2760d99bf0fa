import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AccessError } from '../errors.ts';
import type { Route } from '../route.ts';
import type { Sessions } from '../session.ts';
import { digestScript, downloadScript } from './download-scripts.ts';
import { remotePath } from './remote-path.ts';
import { ScriptProcess } from './script-process.ts';

export interface DownloadSpec {
  /** A relative one starts at the login user's home. */
  readonly path: string;
  readonly asRoot?: boolean;
  readonly signal?: AbortSignal;
}

/** A file as it was found. */
export interface FileFacts {
  /** Bytes. */
  readonly size: number;
  /** Another one after each change, as far as the machine's clock can tell: of device, inode, size and time of change. */
  readonly version: string;
}

export interface FileDigest extends FileFacts {
  /** Hex. */
  readonly sha256: string;
}

/** Milliseconds for a file to be opened, and bytes that the slowest machine reads in a second. */
const openDeadline = 60_000;
const slowestDisk = 4 << 20;

/** A file that is open on the machine; nothing of it was read yet. */
export class OpenDownload {
  readonly facts: FileFacts;
  readonly #script: ScriptProcess;

  private constructor(script: ScriptProcess, facts: FileFacts) {
    this.#script = script;
    this.facts = facts;
  }

  /** FILE_NOT_FOUND, PERMISSION_DENIED, FILE_FAILED for what is no regular file. */
  static async open(
    sessions: Pick<Sessions, 'spawn'>,
    route: Route,
    spec: DownloadSpec,
  ): Promise<OpenDownload> {
    const script = await start(sessions, route, spec, downloadScript, 'download');
    return new OpenDownload(script, await script.read(openDeadline, parseFacts));
  }

  /**
   * The bytes from an offset. The stream ends only when all of them are there and the file is still the same; else it
   * fails, with FILE_CHANGED or CONNECTION_LOST.
   */
  read(offset: number, length: number): Readable {
    this.#script.process.stdin.end(`${offset} ${length}\n`);
    return Readable.from(this.#content(length), { objectMode: false });
  }

  close(): void {
    this.#script.process.stdin.end();
    this.#script.process.stdout.resume();
  }

  async *#content(length: number): AsyncGenerator<Buffer> {
    const { process } = this.#script;
    let left = length;
    let ended = false;
    let held: Buffer | undefined;
    try {
      for await (const chunk of process.stdout as AsyncIterable<Buffer>) {
        left -= chunk.length;
        // Who reads may have announced the length, and would take what is beyond it for something of the controller's.
        if (left < 0) throw noSense();
        if (held) yield held;
        held = chunk;
      }
      const { status } = await this.#script.end();
      ended = true;
      if (status !== 0 || left !== 0) throw await this.#script.failure();
      // Whoever has all bytes takes it for the whole file, so the last ones wait until that is certain.
      if (held) yield held;
    } finally {
      if (!ended) void process.kill().catch(() => undefined);
    }
  }
}

/** Of the whole file; the machine reads all of it. */
export async function digestOf(
  sessions: Pick<Sessions, 'spawn'>,
  route: Route,
  spec: DownloadSpec,
): Promise<FileDigest> {
  const script = await start(sessions, route, spec, digestScript, 'read');
  script.process.stdin.end();
  const facts = await script.read(openDeadline, parseFacts);
  const sha256 = await script.read(openDeadline + (facts.size / slowestDisk) * 1000, parseDigest);
  script.process.stdout.resume();
  const { status } = await script.end();
  if (status !== 0) throw await script.failure();
  return { ...facts, sha256 };
}

async function start(
  sessions: Pick<Sessions, 'spawn'>,
  route: Route,
  { path, asRoot = false, signal }: DownloadSpec,
  text: string,
  action: 'download' | 'read',
): Promise<ScriptProcess> {
  const command = ['sh', '-c', text, 'wadi-download', remotePath(path)];
  const process = await sessions.spawn(route, command, { asRoot, ...(signal ? { signal } : {}) });
  return new ScriptProcess(process, { machine: route.machine.name, action, path });
}

function parseFacts(line: string): FileFacts {
  const [, digits, stamp] = /^(\d+) (.+)$/.exec(line) ?? [];
  if (digits === undefined || stamp === undefined || !Number.isSafeInteger(Number(digits))) throw noSense();
  const version = createHash('sha256').update(stamp).digest('hex').slice(0, 32);
  return { size: Number(digits), version };
}

function parseDigest(line: string): string {
  if (!/^[0-9a-f]{64}$/.test(line)) throw noSense();
  return line;
}

function noSense(): AccessError {
  return new AccessError('the machine says something else than what a file is like', {
    code: 'COMMAND_FAILED',
    phase: 'transfer',
  });
}
