import { describeRoute, type Route } from '@wadi/indirect-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessSettings, ClusterFacts, Duty, Entrance, InstanceFacts } from './cluster-facts.ts';
import { planRoutes } from './plan-routes.ts';

/**
 * A network that is nothing but who may connect to whom: machines by what they are called where one dials from. The same
 * address may be two machines, before a proxy and behind it, as it is in real networks.
 */
class SimulatedNetwork {
  readonly #machines: readonly InstanceFacts[];
  readonly #open: ReadonlySet<string>;

  constructor(machines: readonly InstanceFacts[], open: Iterable<string>) {
    this.#machines = machines;
    this.#open = new Set(open);
  }

  permits(from: string, to: string): boolean {
    return this.#open.has(`${from} > ${to}`);
  }

  /** Walks the route as bytes would: each hop dials a host and a port, and whoever is there must be the one that is meant. */
  opens(route: Route): boolean {
    const [first, ...jumps] = route.hops;
    let from = 'controller';
    for (const { id, host, port } of [...jumps.map((hop) => hop.machine), route.machine]) {
      const dialledIn = from === 'controller' && first.kind === 'agent' ? first.agent : undefined;
      const there = this.#machines.find((each) =>
        dialledIn === undefined ? this.#isAt(each, from, first.kind, host, port) : each.id === dialledIn,
      );
      if (there?.id !== id || !this.permits(from, id)) return false;
      from = id;
    }
    return true;
  }

  #isAt(each: InstanceFacts, from: string, first: string, host: string, port: number): boolean {
    if (from !== 'controller' || first !== 'tcp') return each.internalIp === host && each.sshPort === port;
    const dialled = each.managementPort ?? each.sshPort;
    return (
      (each.managementIp === host && dialled === port) || (each.floatingIp === host && each.sshPort === port)
    );
  }
}

const entrances: readonly Entrance[] = [
  { method: 'fixed_ip' },
  { method: 'floating_ip' },
  { method: 'agent' },
  { method: 'netns', hop: { kind: 'netns', namespace: 'qrouter-r', relay: 'auto', allow: ['10.0.0.0/8'] } },
  {
    method: 'proxy_command',
    hop: { kind: 'command', words: ['nc', '{host}', '{port}'], values: { tenant_id: 't' } },
  },
];
const anySettings: fc.Arbitrary<AccessSettings> = fc.record({
  entrance: fc.constantFrom(...entrances),
  relay: fc.constantFrom('auto' as const, 'nc' as const),
  trustFirstContact: fc.boolean(),
  proxyPolicy: fc.constantFrom('balanced' as const, 'first' as const),
  directWhenFaster: fc.boolean(),
  allow: fc.constant(['10.0.0.0/8']),
});

const sometimes = (value: string) => fc.option(fc.constant(value), { nil: null, freq: 2 });
const anyCluster: fc.Arbitrary<readonly InstanceFacts[]> = fc
  .array(fc.record({ isProxy: fc.boolean(), group: fc.nat(3), index: fc.nat(3), id: fc.uuid() }), {
    maxLength: 7,
  })
  .chain((machines) =>
    fc.tuple(
      ...machines.map(({ isProxy, group, index, id }, place) =>
        fc
          .record({
            internalIp: sometimes(`10.0.0.${place}`),
            floatingIp: sometimes(`10.2.0.${place}`),
            managementIp: sometimes(`10.1.0.${place}`),
            managementPort: fc.constantFrom(null, 2200 + place),
            loginUser: sometimes('wadi'),
            credential: sometimes('key'),
            hostKeys: fc.constantFrom<string[][]>([], ['ssh-ed25519 AAAA']),
            duty: fc.option(fc.constantFrom<Duty>('drained', 'promoted', 'fenced'), {
              nil: undefined,
              freq: 2,
            }),
          })
          .map(
            ({ duty, ...given }): InstanceFacts => ({
              ...given,
              ...(duty && { duty }),
              ...{
                id: `${place}-${id}`,
                name: `m${place}`,
                nodeGroupId: `g${group}`,
                nodeGroupName: `g${group}`,
              },
              ...{ groupPosition: group, index, isProxy, sshPort: 22 },
            }),
          ),
      ),
    ),
  );

const factsOf = (instances: readonly InstanceFacts[]): ClusterFacts => ({
  clusterId: 'c',
  clusterName: 'c',
  instances,
});

/** Said once more too. */
const leadsOn = ({ isProxy, duty }: InstanceFacts) => (isProxy && duty === undefined) || duty === 'promoted';
const isKnockedAt = ({ isProxy, duty }: InstanceFacts) => isProxy || duty === 'promoted';

/** Where the controller may knock; said once more, so that a change of the planner's own rule is noticed. */
function isDoor(
  each: InstanceFacts,
  instances: readonly InstanceFacts[],
  { entrance }: AccessSettings,
): boolean {
  if (entrance?.method === 'fixed_ip') return each.managementIp !== null;
  if (entrance?.method === 'floating_ip') return each.floatingIp !== null && each.floatingIp !== undefined;
  const address = entrance?.method === 'agent' || each.internalIp !== null;
  return address && (isKnockedAt(each) || !instances.some(isKnockedAt));
}

const isKnown = ({ loginUser, credential }: InstanceFacts) => loginUser !== null && credential !== null;

/**
 * Every path that a cluster's rules allow, as ids: to a machine straight when the controller knows where to knock; else
 * through one proxy where it does; else through such a one and a proxy behind it.
 */
function allowedPaths(target: InstanceFacts, instances: readonly InstanceFacts[], settings: AccessSettings) {
  if (target.duty === 'fenced') return [];
  const proxies = instances.filter((each) => leadsOn(each) && each.id !== target.id);
  const outer = proxies.filter((each) => isDoor(each, instances, settings));
  const inner = proxies.filter((each) => !outer.includes(each));
  const ways = [
    ...(isDoor(target, instances, settings) ? [[]] : []),
    ...outer.map((one) => [one]),
    ...(isKnockedAt(target) ? [] : outer.flatMap((one) => inner.map((other) => [one, other]))),
  ];
  return ways
    .map((way) => [...way, target])
    .filter((way) => way.every(isKnown) && way.slice(1).every(({ internalIp }) => internalIp !== null));
}

const everything = (instances: readonly InstanceFacts[]) =>
  ['controller', ...instances.map(({ id }) => id)].flatMap((from) =>
    instances.map(({ id }) => `${from} > ${id}`),
  );

describe('whatever the cluster and its access method', () => {
  it('jumps only through proxies of the same cluster, and never in a loop', () => {
    fc.assert(
      fc.property(anyCluster, anySettings, (instances, settings) => {
        for (const target of instances)
          for (const route of planRoutes(factsOf(instances), target, settings)) {
            const jumps = route.hops.slice(1).map((hop) => (hop.kind === 'ssh' ? hop.machine.id : hop.kind));
            expect(new Set([...jumps, target.id]).size).toBe(jumps.length + 1);
            expect(route.machine.id).toBe(target.id);
            for (const id of jumps) expect(instances.find((each) => each.id === id)).toSatisfy(leadsOn);
          }
      }),
      { numRuns: 300 },
    );
  });

  it('a drained proxy leads nowhere, and nothing leads to a fenced one', () => {
    fc.assert(
      fc.property(anyCluster, anySettings, (instances, settings) => {
        const all = instances.flatMap((target) => planRoutes(factsOf(instances), target, settings));
        const ids = (duty: Duty) => instances.filter((each) => each.duty === duty).map(({ id }) => id);
        for (const { hops, machine } of all) {
          const jumps = hops.flatMap((hop) => (hop.kind === 'ssh' ? [hop.machine.id] : []));
          for (const id of [...ids('drained'), ...ids('fenced')]) expect(jumps).not.toContain(id);
          expect(ids('fenced')).not.toContain(machine.id);
        }
      }),
    );
  });

  it('a promoted machine is as good a proxy as one whose node group says so', () => {
    fc.assert(
      fc.property(anyCluster, anySettings, (instances, settings) => {
        const flagged = instances.map((each): InstanceFacts => {
          if (each.duty !== 'promoted') return each;
          const { duty: _, ...rest } = each;
          return { ...rest, isProxy: true };
        });
        instances.forEach((target, place) => {
          expect(planRoutes(factsOf(instances), target, settings)).toEqual(
            planRoutes(factsOf(flagged), flagged[place] as InstanceFacts, settings),
          );
        });
      }),
    );
  });

  it('begins as the access method says, bounded by the networks that are allowed', () => {
    fc.assert(
      fc.property(anyCluster, anySettings, (instances, settings) => {
        const { entrance, allow } = settings;
        for (const target of instances)
          for (const route of planRoutes(factsOf(instances), target, settings)) {
            const [first, jump] = route.hops;
            const agent = (jump ?? route).machine.id;
            const expected = entrance?.method === 'agent' ? { kind: 'agent', agent } : { kind: 'tcp', allow };
            expect(first).toEqual(entrance && 'hop' in entrance ? entrance.hop : expected);
          }
      }),
    );
  });

  it('gives the same routes for the same facts, in whatever order they come', () => {
    const shuffled = anyCluster.chain((instances) =>
      fc.tuple(fc.constant(instances), fc.shuffledSubarray([...instances], { minLength: instances.length })),
    );
    fc.assert(
      fc.property(shuffled, anySettings, ([instances, turned], settings) => {
        for (const target of instances)
          expect(planRoutes(factsOf(turned), target, settings)).toEqual(
            planRoutes(factsOf(instances), target, settings),
          );
      }),
    );
  });

  it('every route opens in a network that permits it, and only this', () => {
    fc.assert(
      fc.property(anyCluster, anySettings, (instances, settings) => {
        for (const target of instances)
          for (const route of planRoutes(factsOf(instances), target, settings)) {
            const ids = [...route.hops.slice(1), { machine: route.machine }].map((hop) =>
              'machine' in hop ? hop.machine.id : '',
            );
            const needed = ids.map((id, place) => `${ids[place - 1] ?? 'controller'} > ${id}`);
            expect(new SimulatedNetwork(instances, needed).opens(route)).toBe(true);
            expect(new SimulatedNetwork(instances, needed.slice(1)).opens(route)).toBe(false);
          }
      }),
    );
  });

  it('some route opens whenever the network permits any path that the rules allow, and else none', () => {
    const anyNetwork = anyCluster.chain((instances) =>
      fc.tuple(fc.constant(instances), fc.subarray(everything(instances))),
    );
    fc.assert(
      fc.property(anyNetwork, anySettings, ([instances, open], settings) => {
        const network = new SimulatedNetwork(instances, open);
        for (const target of instances) {
          const paths = allowedPaths(target, instances, settings).map((way) => way.map(({ id }) => id));
          const possible = paths.some((ids) =>
            ids.every((id, place) => network.permits(ids[place - 1] ?? 'controller', id)),
          );
          const routes = planRoutes(factsOf(instances), target, settings);
          expect(routes.some((route) => network.opens(route))).toBe(possible);
          expect(routes.map(describeRoute).length).toBe(paths.length);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has no route while the settings do not suffice', () => {
    fc.assert(
      fc.property(anyCluster, (instances) => {
        const entrance = { method: 'netns', problem: 'no router' } as const;
        const chosen = { proxyPolicy: 'balanced', directWhenFaster: false } as const;
        const settings = { entrance, relay: 'auto', trustFirstContact: false, ...chosen } as const;
        for (const target of instances) expect(planRoutes(factsOf(instances), target, settings)).toEqual([]);
      }),
    );
  });
});
