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

/** The same input goes to many machines. */
const escaped = new WeakMap<Buffer, string>();
const [backslash, zero] = [0x5c, 0x30];

/**
 * For `printf %b`, in one line of printable ASCII: a shell's variable holds no NUL, and some spoil other bytes. Nothing
 * else is done meanwhile, so it takes milliseconds for megabytes.
 */
export function escapeBytes(bytes: Buffer): string {
  const known = escaped.get(bytes);
  if (known !== undefined) return known;
  const line = Buffer.allocUnsafe(bytes.length * 5);
  let at = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (byte >= 0x20 && byte <= 0x7e) {
      if (byte === backslash) line[at++] = backslash;
      line[at++] = byte;
      continue;
    }
    line[at++] = backslash;
    line[at++] = zero;
    line[at++] = zero + (byte >> 6);
    line[at++] = zero + ((byte >> 3) & 7);
    line[at++] = zero + (byte & 7);
  }
  const text = line.toString('latin1', 0, at);
  escaped.set(bytes, text);
  return text;
}
