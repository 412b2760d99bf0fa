/** Stable causes; callers branch on these, never on text. */
export type AccessErrorCode =
  | 'ADDRESS_NOT_ALLOWED' // the first hop may not dial that address
  | 'NAME_NOT_RESOLVED'
  | 'CONNECTION_REFUSED' // TCP: nothing listens, or a firewall rejects
  | 'CONNECTION_TIMEOUT' // TCP: no answer; machine off or a firewall drops
  | 'NETWORK_UNREACHABLE'
  | 'FIRST_HOP_FAILED' // its program does not start or ended before it was through; or the machine has not dialled in
  | 'CONNECTION_LOST' // established, then closed or silent
  | 'NOT_SSH' // the peer speaks something else, or nothing within the deadline
  | 'KEY_EXCHANGE_FAILED'
  | 'HOST_KEY_MISMATCH' // the key differs from the pinned one: hard stop
  | 'HOST_KEY_REFUSED' // first contact was not accepted
  | 'AUTHENTICATION_FAILED'
  | 'FORWARDING_FORBIDDEN' // the proxy's sshd forbids it
  | 'NO_RELAY' // forwarding forbidden and no relay program works
  | 'TARGET_UNREACHABLE' // the proxy works, the machine behind it does not answer it
  | 'OVERLOADED' // sshd dropped us before authentication, or refuses another session
  | 'CHANNEL_REFUSED'
  | 'TIMEOUT' // a deadline of the caller, or of a phase after the banner
  | 'CANCELLED'
  | 'COMMAND_FAILED' // an internal remote command ended with a status that means failure
  | 'SUDO_REFUSED' // `sudo -n` asks for a password or is not there
  | 'FILE_NOT_FOUND'
  | 'PERMISSION_DENIED'
  | 'FILE_CHANGED' // somebody else changed it while it was transferred
  | 'WRONG_DIGEST' // what arrived is not what was announced
  | 'FILE_FAILED' // any other failure of a file operation: disk full, read-only, is a directory
  | 'INVALID_ARGUMENT'
  | 'CLOSED'; // this IndirectAccess was closed

/** Where in the life of a connection it failed. */
export type Phase =
  | 'resolve'
  | 'dial'
  | 'banner'
  | 'key-exchange'
  | 'host-key'
  | 'authentication'
  | 'channel'
  | 'relay'
  | 'command'
  | 'transfer';

/** What became of the connection to a machine behind a proxy, as far as the proxy tells. */
export type UnreachableReason = 'refused' | 'no-answer' | 'no-route' | 'unknown-name';

export interface AccessErrorDetails {
  readonly code: AccessErrorCode;
  /** Of TARGET_UNREACHABLE. */
  readonly reason?: UnreachableReason | undefined;
  /** Name of the machine at whose hop it failed. */
  readonly hop?: string;
  readonly phase?: Phase;
  readonly cause?: unknown;
  /** What a person can do. */
  readonly hint?: string | undefined;
  /** True when nothing can have happened on the machine and trying again may help. */
  readonly retryable?: boolean;
}

/** The only error this package throws on purpose. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly code: AccessErrorCode;
  readonly reason: UnreachableReason | undefined;
  readonly hop: string | undefined;
  readonly phase: Phase | undefined;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(message: string, details: AccessErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.reason = details.reason;
    this.hop = details.hop;
    this.phase = details.phase;
    this.hint = details.hint;
    this.retryable = details.retryable ?? false;
  }
}
