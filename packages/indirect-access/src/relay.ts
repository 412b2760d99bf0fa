import { isIP } from 'node:net';
import type { ProgramRelay } from './route.ts';

/** A program on a proxy that can pass bytes to a target. */
export interface RelayProgram {
  readonly relay: ProgramRelay;
  /** Words to run; host and port have passed `checkTarget`. */
  command(host: string, port: number): readonly string[];
  /** What it writes on stderr once the target has answered; absent: it says nothing, so it counts as connected. */
  readonly connected?: RegExp;
}

/**
 * Lists what the proxy has, one line each. `nc` is a name of at least five programs; its help tells which.
 */
export const relayProbe =
  'for p in nc ncat socat bash; do command -v $p >/dev/null 2>&1 && echo "has $p"; done; ' +
  'command -v nc >/dev/null 2>&1 && { nc -h 2>&1 </dev/null | while read -r l; do echo "nc: $l"; done; }; true';

/** In the order in which they are tried. */
export function relayPrograms(probed: string): RelayProgram[] {
  const has = (name: string) => new RegExp(`^has ${name}$`, 'm').test(probed);
  const programs: RelayProgram[] = [];
  if (has('nc')) programs.push(netcat(probed));
  if (has('ncat')) programs.push(ncat('ncat', 'ncat'));
  if (has('socat')) programs.push(socat);
  if (has('bash')) programs.push(devTcp);
  return programs;
}

/** `-n` forbids looking names up, which is a slow way to do nothing for an address. */
function numeric(host: string): string[] {
  return isIP(host) > 0 ? ['-n'] : [];
}

function netcat(probed: string): RelayProgram {
  const help = probed.replaceAll(/^(?!nc: ).*$/gm, '');
  if (/Ncat/.test(help)) return ncat('nc', 'nc');
  if (/BusyBox/i.test(help)) return { relay: 'nc', command: (host, port) => ['nc', host, String(port)] };
  // The others go on for ever after the end of their input unless told not to. OpenBSD's closes that half on the
  // network with `-N` and ends when the target closes the other. (Debian's `-q` beside it would wait for its
  // whole time in any case.) The traditional one can only end a while later.
  const ending = /\[-[A-Za-z0-9]*N/.test(help) ? ['-N'] : /-q secs/.test(help) ? ['-q', '2'] : [];
  return {
    relay: 'nc',
    command: (host, port) => ['nc', '-v', ...ending, ...numeric(host), host, String(port)],
    connected: /succeeded!|\bopen$/m,
  };
}

function ncat(relay: ProgramRelay, program: string): RelayProgram {
  return {
    relay,
    command: (host, port) => [program, '-v', '-w', '10s', ...numeric(host), host, String(port)],
    connected: /Connected to/,
  };
}

const socat: RelayProgram = {
  relay: 'socat',
  command: (host, port) => {
    const target = isIP(host) === 6 ? `TCP6:[${host}]:${port}` : `TCP:${host}:${port}`;
    return ['socat', '-d', '-d', '-t', '10', '-', `${target},connect-timeout=10`];
  },
  connected: /starting data transfer loop/,
};

// bash cannot close one half of a connection, so the end of the input ends it after a moment. Either direction
// that ends takes its whole process group along, which is its own.
const devTcpScript = [
  'exec 3<>"/dev/tcp/$1/$2" || exit 1',
  'echo connected >&2',
  'trap "exit 0" TERM',
  '{ cat <&3; kill -s TERM 0; } &',
  'cat >&3',
  'sleep 2',
  'kill -s TERM 0',
].join('\n');

// A bash whose input is a socket reads the rc file, as one that rsh has started.
const devTcp: RelayProgram = {
  relay: 'devtcp',
  command: (host, port) => ['bash', '--norc', '-c', devTcpScript, 'bash', host, String(port)],
  connected: /^connected$/m,
};
