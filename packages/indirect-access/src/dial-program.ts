import type { Duplex } from 'node:stream';
import { withDeadline } from './deadline.ts';
import { AccessError, type AccessErrorCode } from './errors.ts';
import { LocalProcess } from './local-process.ts';
import { RelayStream } from './relay-stream.ts';
import { type Announcement, untilConnected } from './until-connected.ts';

export interface DialledProgram {
  readonly argv: readonly string[];
  readonly announcement: Announcement;
  /** Of the machine meant. */
  readonly name: string;
  readonly milliseconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of the process, to end it whatever becomes of the stream. */
  started(process: LocalProcess): void;
}

/** Bytes of what a program says that are kept. */
const SAID = 2_000;

/** Starts a program of this computer whose input and output lead to the target. Its end is the stream's, and the reverse. */
export async function dialProgram(dialled: DialledProgram): Promise<Duplex> {
  const { argv, announcement, name, milliseconds, signal } = dialled;
  const at = { hop: name, phase: 'dial' } as const;
  let said = '';
  const explain = () => programError(dialled, said);
  const late = () =>
    new AccessError(`${name}: ${argv[0]} is not through after ${milliseconds} ms${quoted(said)}`, {
      code: 'CONNECTION_TIMEOUT',
      hint: 'the machine is off, or a firewall drops the packets',
      retryable: true,
      ...at,
    });
  const process = await LocalProcess.start(argv).catch((error) => {
    throw startError(dialled, error);
  });
  dialled.started(process);
  process.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString('latin1')}`.slice(-SAID);
  });
  try {
    await withDeadline({ milliseconds, signal, late, at }, () =>
      untilConnected(process, announcement, () => said, explain),
    );
  } catch (error) {
    await process.kill();
    throw error;
  }
  return new RelayStream(process, explain).on('error', () => {});
}

interface Cause {
  readonly words: RegExp;
  readonly code: AccessErrorCode;
  readonly hint: string;
}

/** The first that fits counts: a wrapper or `ip` speaks before the program that it starts. */
const causes: readonly Cause[] = [
  {
    words: /network namespace "?[^"\n]*"?: No such file/i,
    code: 'FIRST_HOP_FAILED',
    hint: 'the namespace is not on this computer (ip netns list): is this the network node, and is the router there?',
  },
  {
    words:
      /setting the network namespace|make-rslave|open network namespace.*denied|password is required|must be setuid root/i,
    code: 'PERMISSION_DENIED',
    hint: 'entering a network namespace takes root: run the controller with that right, or give it a root_wrapper',
  },
  {
    words: /Operation not permitted|Permission denied/i,
    code: 'PERMISSION_DENIED',
    hint: 'the program says so itself: it runs as the controller does, with no environment of its own',
  },
  {
    words: /exec of .* failed|command not found|No such file or directory/i,
    code: 'FIRST_HOP_FAILED',
    hint: 'a program is missing on this computer',
  },
  { words: /refused/i, code: 'CONNECTION_REFUSED', hint: 'nothing listens there, or a firewall rejects it' },
  {
    words: /timed? ?out/i,
    code: 'CONNECTION_TIMEOUT',
    hint: 'the machine is off, or a firewall drops the packets',
  },
  {
    words: /unreachable|no route/i,
    code: 'NETWORK_UNREACHABLE',
    hint: 'there is no way to that network from there',
  },
];

function programError({ argv, name }: DialledProgram, said: string): AccessError {
  const cause = causes.find(({ words }) => words.test(said));
  return new AccessError(
    `${name}: ${argv[0]} did not get through${quoted(said) || ': it ended and said nothing'}`,
    {
      code: cause?.code ?? 'FIRST_HOP_FAILED',
      hop: name,
      phase: 'dial',
      retryable: true,
      ...(cause ? { hint: cause.hint } : {}),
    },
  );
}

function startError({ argv, name }: DialledProgram, error: NodeJS.ErrnoException): AccessError {
  const why = error.code === 'ENOENT' ? 'is not on this computer' : `cannot be started (${error.code})`;
  return new AccessError(`${name}: ${argv[0]} ${why}`, {
    code: error.code === 'EACCES' ? 'PERMISSION_DENIED' : 'FIRST_HOP_FAILED',
    hop: name,
    phase: 'dial',
    hint: `install ${argv[0]}, or name it by its path`,
    retryable: true,
    cause: error,
  });
}

/** It is what somebody else said: one line, printable, not too long. */
function quoted(said: string): string {
  const text = said.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  return text === '' ? '' : `: ${text.slice(-300)}`;
}
