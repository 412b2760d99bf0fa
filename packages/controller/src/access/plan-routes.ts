import type { HostKeyTrust, Machine, Route, SshHop, TcpHop } from '@wadi/indirect-access';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';

/**
 * The candidate routes to an instance, best first; empty while the facts do not suffice. Pure: the same facts, in
 * whatever order, give the same routes.
 *
 * Indirect access (the seed's rule): as soon as a cluster has a proxy, every other machine is reached through one.
 * A machine with an address of its own can be dialled too; that way comes last, so that a cluster which has a proxy
 * keeps its traffic there. A proxy with no address of its own is reached through one that has.
 */
export function planRoutes(
  facts: ClusterFacts,
  instance: InstanceFacts,
  settings: AccessSettings,
): readonly Route[] {
  const proxies = facts.instances.filter((each) => each.isProxy && each.id !== instance.id).sort(byPlace);
  const outer = proxies.filter((each) => each.managementIp !== null);
  const inner = proxies.filter((each) => each.managementIp === null);

  const jumps: InstanceFacts[][] = outer.map((proxy) => [proxy]);
  if (!instance.isProxy) {
    for (const last of inner) for (const first of outer) jumps.push([first, last]);
  }
  const direct: InstanceFacts[][] = instance.managementIp === null ? [] : [[]];
  const ways = instance.isProxy ? [...direct, ...jumps] : [...jumps, ...direct];
  return ways.map((way) => routeThrough(way, instance, settings)).filter((route) => route !== undefined);
}

/** Sahara's order: by node group, then by number. Ids make it total. */
function byPlace(a: InstanceFacts, b: InstanceFacts): number {
  return a.groupPosition - b.groupPosition || a.index - b.index || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function routeThrough(
  way: readonly InstanceFacts[],
  instance: InstanceFacts,
  settings: AccessSettings,
): Route | undefined {
  const machines = [...way, instance].map((each, place) => machineOf(each, place === 0));
  if (machines.some((machine) => machine === undefined)) return undefined;
  const known = machines as Machine[];
  const tcp: TcpHop = settings.allow ? { kind: 'tcp', allow: settings.allow } : { kind: 'tcp' };
  const ssh = known.slice(0, -1).map((machine): SshHop => ({ kind: 'ssh', machine, relay: settings.relay }));
  return { hops: [tcp, ...ssh], machine: known[known.length - 1] as Machine };
}

/** `dialled`: by this controller, so at its management address; else from another machine of the cluster. */
function machineOf(instance: InstanceFacts, dialled: boolean): Machine | undefined {
  const host = dialled ? instance.managementIp : instance.internalIp;
  if (host === null || instance.loginUser === null || instance.credential === null) return undefined;
  const port = dialled ? (instance.managementPort ?? instance.sshPort) : instance.sshPort;
  const hostKey: HostKeyTrust =
    instance.hostKeys.length > 0 ? { kind: 'pinned', keys: instance.hostKeys } : { kind: 'first-contact' };
  const { id, name, loginUser: user, credential } = instance;
  return { id, name, host, port, user, credential, hostKey };
}
