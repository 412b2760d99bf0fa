import type { FirstHop, HostKeyTrust, Machine, Route, SshHop } from '@wadi/indirect-access';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';

/**
 * The candidate routes to an instance, best first; empty while the facts do not suffice. Pure: the same facts, in
 * whatever order, give the same routes.
 *
 * Indirect access (the seed's rule): as soon as a cluster has a proxy, every other machine is reached through one.
 * A machine with an address of its own can be dialled too; that way comes last, so that a cluster which has a proxy
 * keeps its traffic there. A proxy with no address of its own is reached through one that has. Nothing goes through
 * a proxy that is drained, and nothing to one that is fenced.
 */
export function planRoutes(
  facts: ClusterFacts,
  instance: InstanceFacts,
  settings: AccessSettings,
): readonly Route[] {
  if (instance.duty === 'fenced') return [];
  const hasProxy = facts.instances.some(isDialledAsProxy);
  const isOuter = (each: InstanceFacts) => doorOf(each, hasProxy, settings) !== undefined;
  const proxies = proxiesOf(facts).filter((each) => each.id !== instance.id);
  const outer = proxies.filter(isOuter);
  const inner = proxies.filter((each) => !isOuter(each));

  const jumps: InstanceFacts[][] = outer.map((proxy) => [proxy]);
  const isProxy = isDialledAsProxy(instance);
  if (!isProxy) {
    for (const last of inner) for (const first of outer) jumps.push([first, last]);
  }
  const direct: InstanceFacts[][] = isOuter(instance) ? [[]] : [];
  const ways = isProxy ? [...direct, ...jumps] : [...jumps, ...direct];
  const routes = ways.map((way) => {
    const door = doorOf(way[0] ?? instance, hasProxy, settings);
    return door && routeThrough(door, [...way, instance], settings);
  });
  return routes.filter((route) => route !== undefined);
}

/** Others are reached through it. */
export function servesAsProxy({ isProxy, duty }: Pick<InstanceFacts, 'isProxy' | 'duty'>): boolean {
  return duty === undefined ? isProxy : duty === 'promoted';
}

/** The controller knocks at it, whether or not anything goes through it at present. */
function isDialledAsProxy({ isProxy, duty }: InstanceFacts): boolean {
  return isProxy || duty === 'promoted';
}

const sorted = new WeakMap<ClusterFacts, readonly InstanceFacts[]>();

/** Those in use, in order. Kept with the facts, which never change: thousands of machines ask for their routes one after the other. */
export function proxiesOf(facts: ClusterFacts): readonly InstanceFacts[] {
  let proxies = sorted.get(facts);
  if (!proxies) {
    proxies = facts.instances.filter(servesAsProxy).sort(byPlace);
    sorted.set(facts, proxies);
  }
  return proxies;
}

/** Sahara's order: by node group, then by number. Ids make it total. */
export function byPlace(a: InstanceFacts, b: InstanceFacts): number {
  return a.groupPosition - b.groupPosition || a.index - b.index || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Where the controller dials a machine, and by what. */
interface Door {
  readonly hop: FirstHop;
  readonly host: string;
  readonly port: number;
}

/** undefined: this controller does not dial it. */
function doorOf(instance: InstanceFacts, hasProxy: boolean, settings: AccessSettings): Door | undefined {
  const { allow, entrance = { method: 'fixed_ip' } } = settings;
  const isProxy = isDialledAsProxy(instance);
  const { internalIp, floatingIp = null, managementIp, managementPort, sshPort } = instance;
  const tcp: FirstHop = allow ? { kind: 'tcp', allow } : { kind: 'tcp' };
  if ('problem' in entrance) return undefined;
  if ('hop' in entrance) {
    // With a proxy in the cluster, the others' addresses mean something behind it only.
    const dialled = isProxy || !hasProxy;
    return dialled && internalIp !== null
      ? { hop: entrance.hop, host: internalIp, port: sshPort }
      : undefined;
  }
  if (entrance.method === 'agent') {
    const door = { hop: { kind: 'agent', agent: instance.id }, host: '127.0.0.1', port: sshPort } as const;
    return isProxy || !hasProxy ? door : undefined;
  }
  if (entrance.method === 'floating_ip')
    return floatingIp === null ? undefined : { hop: tcp, host: floatingIp, port: sshPort };
  return managementIp === null
    ? undefined
    : { hop: tcp, host: managementIp, port: managementPort ?? sshPort };
}

function routeThrough(
  { hop, host, port }: Door,
  [first, ...others]: readonly InstanceFacts[],
  { relay }: AccessSettings,
): Route | undefined {
  const dialled = first && machineOf(first, host, port);
  const inside = others.map((each) => machineOf(each, each.internalIp, each.sshPort));
  const machines = [dialled, ...inside].filter((machine) => machine !== undefined);
  const machine = machines[machines.length - 1];
  if (!machine || machines.length !== others.length + 1) return undefined;
  const jumps = machines.slice(0, -1).map((machine): SshHop => ({ kind: 'ssh', machine, relay }));
  return { hops: [hop, ...jumps], machine };
}

function machineOf(instance: InstanceFacts, host: string | null, port: number): Machine | undefined {
  if (host === null || instance.loginUser === null || instance.credential === null) return undefined;
  const hostKey: HostKeyTrust =
    instance.hostKeys.length > 0 ? { kind: 'pinned', keys: instance.hostKeys } : { kind: 'first-contact' };
  const { id, name, loginUser: user, credential } = instance;
  return { id, name, host, port, user, credential, hostKey };
}
