import { randomBytes } from 'node:crypto';
import { AccessError } from './errors.ts';
import type { Command } from './exec.ts';
import { quote, quoteAll } from './quote.ts';

export interface CommandText {
  /** For the SSH exec request. */
  readonly text: string;
  /** What the wrapper prints on both outputs before the command's own first byte; on stdout the group id follows. */
  readonly marker: string;
  /** Printed on stdout when the shell works, before sudo is asked. */
  readonly shellMarker: string;
  /** Goes to stdin before the command's own input; the wrapper reads it and not a byte more. */
  readonly prelude: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Linux takes 128 KiB for one argument. */
const MAX_TEXT = 120 * 1024;

// sshd makes every command the leader of its own process group, which is what cancelling ends. Other servers may
// not; then it is made here. The fifth word of stat is the group; without /proc, ps knows it.
const group = 'read -r a b c d g e </proc/$$/stat || g=$(ps -o pgid= -p $$ | tr -d " ")';
const launcher = [
  `{ ${group}; } 2>/dev/null`,
  'if [ "$g" = $$ ]; then eval "$1"',
  'elif command -v setsid >/dev/null 2>&1; then exec setsid /bin/sh -c "$1" sh',
  'else set -m; /bin/sh -c "$1" sh <&0 & wait $!; fi',
].join('; ');

/**
 * Wraps a command so that it runs under /bin/sh whatever the login shell is, and so that we learn its process
 * group before its first output. What rc files print comes before the markers and is dropped.
 */
export function commandText(
  command: Command,
  options: { env?: Readonly<Record<string, string>>; asRoot?: boolean } = {},
): CommandText {
  const marker = randomBytes(12).toString('hex');
  const shellMarker = randomBytes(12).toString('hex');
  const variables = exports(options.env);
  const endMarker = randomBytes(12).toString('hex');
  const body = `${variables ? readVariables(endMarker) : ''}${shellText(command)}`;
  const script = options.asRoot
    ? `echo ${shellMarker}; exec sudo -n -- /bin/sh -c ${quote(`{ ${group}; } 2>/dev/null; ${announce(marker, '"$g"')}${body}`)} sh`
    : `${announce(marker, '$$')}${body}`;
  const text = `exec /bin/sh -c ${quote(launcher)} sh ${quote(script)}`;
  if (Buffer.byteLength(text) > MAX_TEXT) {
    throw new AccessError('the command is too long', {
      code: 'INVALID_ARGUMENT',
      phase: 'command',
      hint: 'pass long text by stdin or as a file',
    });
  }
  return { text, marker, shellMarker, prelude: variables && `${variables}${endMarker}\n` };
}

function announce(marker: string, pid: string): string {
  // Where nobody listens any more the command must not start.
  return `echo ${marker} ${pid} && echo ${marker} >&2 || exit 141; unset a b c d e g; set --\n`;
}

/** By stdin, because everybody on the machine can read a command's arguments. */
function readVariables(endMarker: string): string {
  return [
    `set -- ''; while IFS= read -r l && [ "$l" != ${endMarker} ]; do set -- "$1$l\n"; done`,
    `[ "$l" = ${endMarker} ] || exit 141`,
    'unset l; eval "$1"; set --\n',
  ].join('; ');
}

/** Assignments that export, a line or more for each. */
export function exports(env: Readonly<Record<string, string>> = {}): string {
  return Object.entries(env)
    .map(([name, value]) => {
      if (NAME.test(name)) return `export ${name}=${quote(value)}\n`;
      throw new AccessError(`not a name for a variable: ${JSON.stringify(name)}`, {
        code: 'INVALID_ARGUMENT',
        phase: 'command',
      });
    })
    .join('');
}

export function shellText(command: Command): string {
  if (typeof command === 'string') {
    quote(command);
    return command;
  }
  if (command.length === 0 || command[0] === '') {
    throw new AccessError('no program to run', { code: 'INVALID_ARGUMENT', phase: 'command' });
  }
  return `exec ${quoteAll(command)}`;
}

/** Ends a process group: TERM, and KILL for what is left after two seconds. */
export function killText(groupId: number, asRoot: boolean): string {
  const id = `-${groupId}`;
  const script = [
    `kill -s TERM -- ${id} || exit 0`,
    'n=0',
    `while [ $n -lt 20 ]; do kill -s 0 -- ${id} || exit 0; sleep 0.1 || sleep 1; n=$((n+1)); done`,
    `kill -s KILL -- ${id}`,
  ].join('; ');
  const run = `/bin/sh -c ${quote(`{ ${script}; } 2>/dev/null`)}`;
  return asRoot ? `exec sudo -n -- ${run}` : `exec ${run}`;
}
