import { describeRoute } from '@wadi/indirect-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { planRoutes } from './plan-routes.ts';

const settings: AccessSettings = {
  relay: 'auto',
  trustFirstContact: false,
  proxyPolicy: 'balanced',
  directWhenFaster: false,
  allow: ['10.1.0.0/16'],
};

function instance(name: string, given: Partial<InstanceFacts> = {}): InstanceFacts {
  return {
    id: `id-${name}`,
    name,
    nodeGroupId: 'group',
    nodeGroupName: 'group',
    groupPosition: 0,
    index: 0,
    isProxy: false,
    internalIp: '10.0.0.9',
    managementIp: null,
    sshPort: 22,
    managementPort: null,
    loginUser: 'wadi',
    credential: 'key',
    hostKeys: ['ssh-ed25519 AAAA'],
    ...given,
  };
}

function plan(instances: InstanceFacts[], target: InstanceFacts): string[] {
  return planRoutes({ clusterId: 'c', clusterName: 'c', instances }, target, settings).map(describeRoute);
}

describe('planning the routes of an instance', () => {
  const first = instance('proxy-0', { isProxy: true, managementIp: '10.1.0.2' });
  const second = instance('proxy-1', { isProxy: true, managementIp: '10.1.0.3', index: 1 });
  const hidden = instance('proxy-2', { isProxy: true, index: 2 });
  const worker = instance('worker-0', { groupPosition: 1 });

  it('goes through each proxy in order', () => {
    expect(plan([second, worker, first], worker)).toEqual([
      'tcp > proxy-0 > worker-0',
      'tcp > proxy-1 > worker-0',
    ]);
  });

  it('goes straight where no group is flagged', () => {
    const alone = instance('a', { managementIp: '10.1.0.4' });
    expect(plan([alone, worker], alone)).toEqual(['tcp > a']);
    expect(plan([alone, worker], worker)).toEqual([]);
  });

  it('prefers the proxy to an address of the machine itself', () => {
    const both = instance('both', { managementIp: '10.1.0.5', groupPosition: 1 });
    expect(plan([first, both], both)).toEqual(['tcp > proxy-0 > both', 'tcp > both']);
  });

  it('dials a proxy with an address of its own first, and one without through another', () => {
    expect(plan([first, second, hidden], first)).toEqual(['tcp > proxy-0', 'tcp > proxy-1 > proxy-0']);
    expect(plan([first, second, hidden], hidden)).toEqual([
      'tcp > proxy-0 > proxy-2',
      'tcp > proxy-1 > proxy-2',
    ]);
  });

  it('jumps twice only after every way with one jump', () => {
    expect(plan([first, hidden, worker], worker)).toEqual([
      'tcp > proxy-0 > worker-0',
      'tcp > proxy-0 > proxy-2 > worker-0',
    ]);
  });

  it('has no route when the proxy group is empty and the machine has no address', () => {
    expect(plan([worker], worker)).toEqual([]);
  });

  it('uses the management port only where the controller itself dials', () => {
    const odd = instance('odd', { isProxy: true, managementIp: '127.0.0.1', managementPort: 2201 });
    const facts: ClusterFacts = { clusterId: 'c', clusterName: 'c', instances: [odd, worker] };
    const [route] = planRoutes(facts, worker, settings);
    expect(route?.hops[1]).toMatchObject({ kind: 'ssh', machine: { host: '127.0.0.1', port: 2201 } });
    expect(route?.machine).toMatchObject({ host: '10.0.0.9', port: 22 });
    expect(route?.hops[0]).toEqual({ kind: 'tcp', allow: ['10.1.0.0/16'] });
  });

  it('trusts first contact only without a pinned key', () => {
    const fresh = instance('fresh', { managementIp: '10.1.0.7', hostKeys: [] });
    const facts: ClusterFacts = { clusterId: 'c', clusterName: 'c', instances: [fresh] };
    expect(planRoutes(facts, fresh, settings)[0]?.machine.hostKey).toEqual({ kind: 'first-contact' });
  });
});

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const anyInstance = fc.record({
  id: fc.uuid(),
  isProxy: fc.boolean(),
  groupPosition: fc.nat(3),
  index: fc.nat(3),
  internalIp: maybe(fc.constantFrom('10.0.0.1', '10.0.0.2')),
  managementIp: maybe(fc.constantFrom('10.1.0.1', '10.1.0.2')),
  loginUser: maybe(fc.constant('wadi')),
  credential: maybe(fc.constantFrom('a', 'b')),
  hostKeys: fc.constantFrom<string[][]>([], ['ssh-ed25519 AAAA']),
});
const anyCluster = fc
  .uniqueArray(anyInstance, { maxLength: 8, selector: (each) => each.id })
  .map((all): InstanceFacts[] => all.map((each) => instance(each.id, each)));

describe('whatever the cluster looks like', () => {
  it('jumps only through proxies of the same cluster, never in a loop', () => {
    fc.assert(
      fc.property(anyCluster, (instances) => {
        const facts: ClusterFacts = { clusterId: 'c', clusterName: 'c', instances };
        for (const target of instances) {
          for (const route of planRoutes(facts, target, settings)) {
            const [head, ...jumps] = route.hops;
            expect(head).toEqual({ kind: 'tcp', allow: settings.allow });
            const ids = [
              ...jumps.map((hop) => (hop.kind === 'ssh' ? hop.machine.id : '?')),
              route.machine.id,
            ];
            expect(new Set(ids).size).toBe(ids.length);
            expect(route.machine.id).toBe(target.id);
            for (const id of ids.slice(0, -1)) {
              expect(instances.find((each) => each.id === id)?.isProxy).toBe(true);
            }
            // The controller dials nothing but a management address.
            const dialled = instances.find((each) => each.id === ids[0]);
            const opened = jumps[0]?.kind === 'ssh' ? jumps[0].machine : route.machine;
            expect(opened.host).toBe(dialled?.managementIp);
          }
        }
      }),
    );
  });

  it('gives the same routes for the same facts, in whatever order they come', () => {
    fc.assert(
      fc.property(anyCluster, (instances) => {
        const facts = (all: InstanceFacts[]) => ({ clusterId: 'c', clusterName: 'c', instances: all });
        for (const target of instances) {
          const turned = planRoutes(facts([...instances].reverse()), target, settings);
          expect(turned).toEqual(planRoutes(facts(instances), target, settings));
        }
      }),
    );
  });

  it('offers a way whenever a complete proxy or an address of its own gives one', () => {
    fc.assert(
      fc.property(anyCluster, (instances) => {
        const facts: ClusterFacts = { clusterId: 'c', clusterName: 'c', instances };
        const complete = (each: InstanceFacts) => each.loginUser !== null && each.credential !== null;
        for (const target of instances) {
          const direct = target.managementIp !== null;
          const through = instances.some(
            (each) => each.isProxy && each.id !== target.id && each.managementIp !== null && complete(each),
          );
          const expected = complete(target) && (direct || (through && target.internalIp !== null));
          expect(planRoutes(facts, target, settings).length > 0).toBe(expected);
        }
      }),
    );
  });
});
