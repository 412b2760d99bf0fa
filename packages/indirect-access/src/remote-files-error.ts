import { AccessError, type AccessErrorCode } from './errors.ts';

/** Texts of the C locale: the same in glibc, musl, BusyBox and BSD; "nonexistent" is a shell's own. */
const causes: readonly [RegExp, AccessErrorCode, string][] = [
  [/^sudo: /m, 'SUDO_REFUSED', 'let the login user run `sudo -n` on this machine'],
  [/Permission denied|Operation not permitted/i, 'PERMISSION_DENIED', 'do it as root'],
  [
    /No such file|Directory nonexistent|nonexistent directory|Not a directory/i,
    'FILE_NOT_FOUND',
    'check the path',
  ],
  [/No space left|quota exceeded/i, 'FILE_FAILED', 'the disk is full: free some space'],
  [/Read-only file system/i, 'FILE_FAILED', 'the file system is mounted read-only'],
];

/** Turns what the tools on the machine said into an error. */
export function fileError(
  machine: string,
  action: string,
  path: string,
  status: number | null,
  stderr: string,
): AccessError {
  const said = stderr.trim().slice(0, 500) || `it ended with status ${status}`;
  const [, code, hint] = causes.find(([pattern]) => pattern.test(stderr)) ?? [];
  return new AccessError(`cannot ${action} ${JSON.stringify(path)} on ${machine}: ${said}`, {
    code: code ?? 'FILE_FAILED',
    hop: machine,
    phase: 'transfer',
    ...(hint === undefined ? {} : { hint }),
  });
}
