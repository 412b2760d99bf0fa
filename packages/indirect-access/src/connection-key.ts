import type { FirstHop, HostKeyTrust, Machine, Relay, Route, SshHop } from './route.ts';

/**
 * What two users of a connection must have in common to share it: every machine on the way, with its pinned
 * keys, credential and user. Never an address: private ones are reused from network to network.
 */
export function connectionKey(route: Route, learned: ReadonlyMap<string, string>): string {
  const hops = route.hops.map((hop) =>
    hop.kind === 'ssh' ? [hop.kind, ...machineKey(hop.machine, learned), ...hopKey(hop)] : firstHopKey(hop),
  );
  return JSON.stringify([...hops, machineKey(route.machine, learned)]);
}

function firstHopKey(hop: FirstHop): readonly unknown[] {
  switch (hop.kind) {
    case 'tcp':
      return [hop.kind, hop.allow];
    case 'netns':
      return [hop.kind, hop.allow, hop.namespace, hop.rootWrapper, hop.relay];
    case 'agent':
      return [hop.kind, hop.agent];
    case 'command':
      return [hop.kind, hop.allow, hop.words, Object.entries(hop.values).sort()];
  }
}

function machineKey(machine: Machine, learned: ReadonlyMap<string, string>): readonly unknown[] {
  const { id, user, credential, hostKey } = machine;
  const exactly = hostKey.kind === 'pinned' && hostKey.exactly ? ['exactly'] : [];
  return [id, user, credential, trustedKeys(id, hostKey, learned), ...exactly];
}

function hopKey(hop: SshHop): readonly [Relay | 'auto', boolean] {
  return [hop.relay, hop.jumpOnly ?? false];
}

/** Undefined before the first contact. */
export function trustedKeys(
  machineId: string,
  trust: HostKeyTrust,
  learned: ReadonlyMap<string, string>,
): readonly string[] | undefined {
  if (trust.kind === 'pinned') return trust.keys.map(withoutComment).sort();
  const key = learned.get(machineId);
  return key === undefined ? undefined : [key];
}

/** `ssh-ed25519 AAAA… root@host` without the last part. */
export function withoutComment(key: string): string {
  return key.trim().split(/\s+/).slice(0, 2).join(' ');
}
