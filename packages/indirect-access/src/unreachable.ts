import type { UnreachableReason } from './errors.ts';

/** In the words of sshd and of relay programs, which are the system's own. */
const words: readonly (readonly [UnreachableReason, RegExp])[] = [
  ['refused', /refused/i],
  ['no-answer', /timed? ?out|TIMEOUT/i],
  ['unknown-name', /not known|not resolve|no address|getaddrinfo|resolution/i],
  // sshd says no more than the last of these when its own system refuses to try at all.
  ['no-route', /unreachable|no route|^open failed$/i],
];

/** undefined: it says nothing of the kind. */
export function unreachableReason(said: string): UnreachableReason | undefined {
  return words.find(([, pattern]) => pattern.test(said))?.[0];
}

/** What a person can do about a machine that a proxy does not reach. */
export function unreachableHint(
  reason: UnreachableReason | undefined,
  machine: string,
  port: number,
  proxy: string,
): string {
  switch (reason) {
    case 'refused':
      return `${machine} is there, but nothing listens on port ${port}, or a firewall rejects: is its sshd running, and on this port?`;
    case 'no-answer':
      return `is ${machine} on, and does a firewall or security group between ${proxy} and it drop packets to port ${port}?`;
    case 'no-route':
      return `${proxy} knows no way to this address: is ${machine} on, is the address right, and are both in one network?`;
    case 'unknown-name':
      return `${proxy} cannot resolve the name: give ${machine}'s address instead, or see to the resolver of ${proxy}`;
    default:
      return `is ${machine} on, does it listen on port ${port}, and may ${proxy} reach it?`;
  }
}
