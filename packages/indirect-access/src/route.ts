/**
 * A route: the ordered hops from this process to a machine. Plain data, safe to log, store and compare;
 * it names credentials by id and never holds one.
 *
 * Every hop is a way to open a byte stream to a `host:port`. The first hop dials from where this process
 * runs; each further one dials from inside the machine it jumps through.
 */
export interface Route {
  readonly hops: readonly [FirstHop, ...SshHop[]];
  /** The machine at the end. */
  readonly machine: Machine;
}

export type FirstHop = TcpHop | NetnsHop | CommandHop | AgentHop;
export type Hop = FirstHop | SshHop;

export interface AllowedTargets {
  /**
   * Networks (CIDR) that may be dialled, checked at every connect after name resolution.
   * Absent: any address.
   */
  readonly allow?: readonly string[];
}

/** Dials TCP from this process. */
export interface TcpHop extends AllowedTargets {
  readonly kind: 'tcp';
}

/** Dials from inside a network namespace of this computer, by `ip netns exec` and a relay program. */
export interface NetnsHop extends AllowedTargets {
  readonly kind: 'netns';
  /** As `ip netns list` has it. */
  readonly namespace: string;
  /** Words before `ip`, such as `sudo -n`. Absent: this process has the right itself. */
  readonly rootWrapper?: readonly string[];
  readonly relay: 'auto' | ProgramRelay;
}

/** Whatever a program on this computer passes on between its input and its output. */
export interface CommandHop extends AllowedTargets {
  readonly kind: 'command';
  /** Words of `parseCommandTemplate`; what is in braces is put in when it is dialled. */
  readonly words: readonly string[];
  /** For what is in braces, besides host and port. */
  readonly values: Readonly<Record<string, string>>;
}

/**
 * A machine that has dialled in itself: the stream comes out at its own sshd, whatever the target's host.
 * `AccessOptions.openAgent` opens it.
 */
export interface AgentHop {
  readonly kind: 'agent';
  /** What the machine is known by to whoever holds its connection. */
  readonly agent: string;
}

/** Dials from inside a machine, over its SSH session: a jump. */
export interface SshHop {
  readonly kind: 'ssh';
  readonly machine: Machine;
  readonly relay: RelaySetting;
  /** Known to give no shell (nologin, ForceCommand): nothing but direct-tcpip is tried. Absent: found out. */
  readonly jumpOnly?: boolean;
}

/** How a proxy passes bytes on. `auto`: direct-tcpip, else the first that works of the others, remembered. */
export type RelaySetting = 'auto' | Relay;
export type Relay = 'direct-tcpip' | ProgramRelay;
export type ProgramRelay = 'nc' | 'ncat' | 'socat' | 'devtcp';

/** What is needed to open an SSH session on a machine, as seen from the hop before it. */
export interface Machine {
  /** Stable id of the instance. Pools and pins are keyed by it, never by the address, which is reused. */
  readonly id: string;
  /** For people: in errors and events. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Id of the credential; the private key itself comes from `AccessOptions.identity`. */
  readonly credential: string;
  readonly hostKey: HostKeyTrust;
}

/** `pinned`: OpenSSH public keys (`ssh-ed25519 AAAA…`), any of which may answer; `exactly`: also none that was pinned since, see
 * `AccessOptions.wasPinnedSince`. `first-contact`: see
 * `AccessOptions.pinHostKey`. There is no way to accept just any key. */
export type HostKeyTrust =
  | { readonly kind: 'pinned'; readonly keys: readonly string[]; readonly exactly?: true }
  | { readonly kind: 'first-contact' };

/** The route in words: `tcp > proxy-0 > worker-1`. */
export function describeRoute(route: Route): string {
  const names = route.hops.map((hop) => (hop.kind === 'ssh' ? hop.machine.name : hop.kind));
  return [...names, route.machine.name].join(' > ');
}
