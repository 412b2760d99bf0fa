import type { InstanceFacts } from '../../packages/controller/src/access/cluster-facts.ts';
import type { LabInventory, LabMachine, LabProxy } from '../set-up/lab.ts';
import type { AccessCase } from './driver-access-methods.ts';

type Inventory = LabInventory & { readonly router: { readonly id: string; readonly namespace: string } };

/** What makes the first hop, as it is stored with a cluster. */
export function firstHops({
  router,
}: Inventory): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return {
    fixed_ip: { method: 'fixed_ip' },
    floating_ip: { method: 'floating_ip' },
    netns: { method: 'netns', router_id: router.id },
    proxy_command: {
      method: 'proxy_command',
      proxy_command: 'ip netns exec qrouter-{router_id} nc {host} {port}',
      router_id: router.id,
    },
    agent: { method: 'agent' },
  };
}

/** Every first hop with nothing behind it, every one with a proxy behind it, and one with two jumps. */
export function accessCases(inventory: Inventory): AccessCase[] {
  const hops = Object.entries(firstHops(inventory));
  return [
    ...hops.map(([method, access]) => alone(method, access, inventory)),
    ...hops.map(([method, access]) => withProxy(method, access, inventory)),
    withTwoJumps(inventory),
  ];
}

function alone(method: string, access: AccessCase['access'], { machines, proxies }: Inventory): AccessCase {
  // On the flat network there is only what else would be a proxy.
  const machine = method === 'fixed_ip' ? (proxies[0] as LabProxy) : (machines[0] as LabMachine);
  const only = factsOf(machine, { isProxy: false, internalIp: addressFrom(method, machine) });
  return { what: `${method} alone`, access, instances: [only], target: machine.name };
}

function withProxy(
  method: string,
  access: AccessCase['access'],
  { machines, proxies }: Inventory,
): AccessCase {
  const [first, second] = machines as readonly [LabMachine, LabMachine];
  const door = method === 'fixed_ip' ? (proxies[0] as LabProxy) : first;
  const instances = [factsOf(door, { isProxy: true }), factsOf(second)];
  return { what: `${method} with a proxy`, access, instances, target: second.name };
}

function withTwoJumps({ machines, proxies }: Inventory): AccessCase {
  const [first, second] = machines as readonly [LabMachine, LabMachine];
  const outer = factsOf(proxies[0] as LabProxy, { isProxy: true });
  const inner = factsOf(first, { isProxy: true, groupPosition: 1 });
  const instances = [outer, inner, factsOf(second)];
  return {
    what: 'fixed_ip with two jumps',
    access: { method: 'fixed_ip' },
    instances,
    target: second.name,
    jumps: 2,
  };
}

/** The lab's proxies are on the flat network, its machines are not. */
export function factsOf(machine: LabMachine | LabProxy, given: Partial<InstanceFacts> = {}): InstanceFacts {
  const isProxy = given.isProxy ?? 'externalIp' in machine;
  return {
    id: machine.name,
    name: machine.name,
    nodeGroupId: isProxy ? 'proxy' : 'machines',
    nodeGroupName: isProxy ? 'proxy' : 'machines',
    groupPosition: isProxy ? 0 : 2,
    index: 0,
    isProxy,
    internalIp: machine.internalIp,
    floatingIp: machine.floatingIp ?? null,
    managementIp: 'externalIp' in machine ? machine.externalIp : null,
    sshPort: 22,
    managementPort: null,
    loginUser: 'wadi',
    credential: 'lab',
    hostKeys: machine.hostKeys,
    ...given,
  };
}

function addressFrom(method: string, machine: LabMachine | LabProxy): string {
  return method === 'fixed_ip' && 'externalIp' in machine ? machine.externalIp : machine.internalIp;
}
