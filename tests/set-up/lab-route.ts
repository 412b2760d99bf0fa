import type { Machine, RelaySetting, Route } from '@wadi/indirect-access';
import type { LabInventory } from './lab.ts';

export interface LabRouteOptions {
  readonly relay?: RelaySetting;
  /** Where the proxy's sshd is; absent: its address in the lab. */
  readonly door?: { readonly host: string; readonly port: number };
  readonly proxy?: string;
}

/** The route to a machine of the lab through a proxy, host keys pinned. The credential id is `lab`. */
export function labRoute(inventory: LabInventory, machine: string, options: LabRouteOptions = {}): Route {
  const proxy = inventory.proxies.find((one) => one.name === (options.proxy ?? 'proxy-1'));
  const inner = inventory.machines.find((one) => one.name === machine);
  if (!proxy || !inner) throw new Error(`the lab has no ${machine} or no such proxy`);
  const known = (one: typeof inner, host: string, port = 22): Machine => ({
    id: one.name,
    name: one.name,
    host,
    port,
    user: inventory.user,
    credential: 'lab',
    hostKey: { kind: 'pinned', keys: one.hostKeys },
  });
  const door = options.door ?? { host: proxy.externalIp, port: 22 };
  return {
    hops: [
      { kind: 'tcp' },
      { kind: 'ssh', machine: known(proxy, door.host, door.port), relay: options.relay ?? 'auto' },
    ],
    machine: known(inner, inner.internalIp),
  };
}
