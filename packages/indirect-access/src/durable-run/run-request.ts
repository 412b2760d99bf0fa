import { exports, shellText } from '../command-text.ts';
import type { Command } from '../exec.ts';

/** What is to be run, and what it may use. */
export interface RunSpec {
  readonly command: Command;
  readonly env?: Readonly<Record<string, string>>;
  /** Held in the memory of the machine's shells until the command has read it; absent: an empty input. */
  readonly stdin?: Buffer | null;
  /** Seconds, counted on the machine; then the process group is ended. */
  readonly timeout?: number | null;
  /** Bytes of each output that the machine keeps (a little more may be); what is beyond is counted and dropped. */
  readonly maxOutputBytes: number;
}

/** Bytes of the outputs that are stored safely and need not be sent again. */
export interface RunOffsets {
  readonly stdout: number;
  readonly stderr: number;
}

export const noOffsets: RunOffsets = { stdout: 0, stderr: 0 };

/** The supervisor reads all of it before it takes the once-lock: half of a request is none. */
export function startRequest(token: string, spec: RunSpec): string {
  const command = `${shellText(spec.command)}\n`;
  const variables = exports(spec.env);
  const input = escapeBytes(spec.stdin ?? Buffer.alloc(0));
  const timeout = spec.timeout ? Math.max(0.001, spec.timeout).toFixed(3) : '';
  const numbers = [lines(command), lines(variables), input.length, Math.ceil(spec.maxOutputBytes), timeout];
  return `start ${token} 0 0 ${numbers.join(' ')}\n${command}${variables}${input}${input === '' ? '' : '\n'}`;
}

export function followRequest(token: string, { stdout, stderr }: RunOffsets): string {
  return `follow ${token} ${stdout} ${stderr}\n`;
}

function lines(text: string): number {
  return text.split('\n').length - 1;
}

/** For `printf %b`, in one line of printable ASCII: a shell's variable holds no NUL, and some spoil other bytes. */
export function escapeBytes(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, (byte) =>
      byte === '\\' ? '\\\\' : `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`,
    );
}
