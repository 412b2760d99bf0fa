import { createHash } from 'node:crypto';
import { ApiError, type RunRequest, runLimits } from '@wadi/api';
import type { RunInput } from '../../access/run-input.ts';

/** A request in one form, whichever way it was written. */
export interface PlainRunRequest {
  readonly command: string | readonly string[];
  readonly targets: readonly string[];
  readonly input: RunInput;
  readonly asRoot: boolean;
  readonly timeoutSeconds: number | null;
  readonly maxOutputBytes: number;
}

/** What the schema cannot say: sizes in bytes, and what contradicts itself. */
export function plainRunRequest(request: RunRequest): PlainRunRequest {
  const { command, stdin, stdin_base64: encoded, env = {} } = request;
  const text = typeof command === 'string' ? command : command.join(' ');
  // NUL ends a string for every program there is: what follows it would silently be lost.
  if (text.includes('\0') || Object.values(env).some((value) => value.includes('\0')))
    throw refused('command and env may not contain a NUL character');
  if (Buffer.byteLength(text) > runLimits.command)
    throw refused(
      `command has more than ${runLimits.command} bytes`,
      'send the script as stdin, and `sh` as command',
    );
  const environment = Object.entries(env).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (environment > runLimits.environment) throw refused(`env has more than ${runLimits.environment} bytes`);
  return {
    command,
    targets: request.targets ?? [],
    input: { stdin: stdinOf(stdin, encoded), env },
    asRoot: request.as_root ?? false,
    timeoutSeconds: request.timeout_seconds ?? null,
    maxOutputBytes: request.max_output_bytes ?? runLimits.defaultOutput,
  };
}

function stdinOf(stdin: string | undefined, encoded: string | undefined): Buffer | null {
  if (stdin !== undefined && encoded !== undefined)
    throw refused('give stdin or stdin_base64, not both of them');
  if (stdin === undefined && encoded === undefined) return null;
  const bytes = encoded === undefined ? Buffer.from(stdin ?? '') : Buffer.from(encoded, 'base64');
  // Not by a pattern: one that counts in fours runs out of stack on a few megabytes.
  if (encoded !== undefined && bytes.toString('base64') !== encoded)
    throw refused('stdin_base64 is not base64');
  if (bytes.length > runLimits.stdin) throw refused(`stdin has more than ${runLimits.stdin} bytes`);
  return bytes;
}

/**
 * Tells a repeated request from another one under the same id. The id goes in as well: without it, equal digests
 * would tell who reads the database that two runs had the same secret input.
 */
export function digestOf(id: string, clusterId: string, request: PlainRunRequest): string {
  const { command, targets, input, asRoot, timeoutSeconds, maxOutputBytes } = request;
  const env = Object.entries(input.env).sort(([a], [b]) => (a < b ? -1 : 1));
  const stdin = input.stdin === null ? null : createHash('sha256').update(input.stdin).digest('hex');
  const plain = [
    id.toLowerCase(),
    clusterId,
    command,
    [...targets].sort(),
    stdin,
    env,
    asRoot,
    timeoutSeconds,
    maxOutputBytes,
  ];
  return createHash('sha256').update(JSON.stringify(plain)).digest('hex');
}

function refused(message: string, hint?: string): ApiError {
  return new ApiError(400, 'INVALID_DATA', message, hint ? { hint } : {});
}
