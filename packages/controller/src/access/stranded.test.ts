import { AccessError } from '@wadi/indirect-access';
import { expect, it } from 'vitest';
import type { AccessSettings, ClusterFacts, Duty, InstanceFacts } from './cluster-facts.ts';
import { RouteHealth } from './route-health.ts';
import { strandedWithout } from './stranded.ts';

const settings: AccessSettings = {
  relay: 'auto',
  trustFirstContact: false,
  proxyPolicy: 'balanced',
  directWhenFaster: false,
};

function instance(name: string, index: number, more: Partial<InstanceFacts> = {}): InstanceFacts {
  return {
    ...{ id: name, name, nodeGroupId: 'g', nodeGroupName: 'g', groupPosition: 0, index },
    ...{ isProxy: false, internalIp: `10.0.0.${index}`, managementIp: null, sshPort: 22 },
    ...{ managementPort: null, loginUser: 'wadi', credential: 'key', hostKeys: ['ssh-ed25519 AAAA'] },
    ...more,
  };
}

const proxy = (name: string, index: number, duty?: Duty) =>
  instance(name, index, { isProxy: true, managementIp: `10.1.0.${index}`, ...(duty && { duty }) });
const factsOf = (...instances: InstanceFacts[]): ClusterFacts => ({
  clusterId: 'c',
  clusterName: 'c',
  instances,
});
const [one, two, worker] = [proxy('p1', 1), proxy('p2', 2), instance('m1', 3)];

function stranded(facts: ClusterFacts, broken: readonly string[] = []): string[] {
  const health = new RouteHealth({ now: () => 1, random: () => 0, first: 10, most: 10 });
  const cause = new AccessError('refused', { code: 'CONNECTION_REFUSED', retryable: true });
  for (const step of broken) health.failed(step, cause, 1, false);
  return strandedWithout(facts, settings, health, one).map(({ name }) => name);
}

it.each<[string, ClusterFacts, string[], string[]]>([
  ['nobody, when another proxy works', factsOf(one, two, worker), [], []],
  ['all, when there is no other', factsOf(one, worker), [], ['m1']],
  ['all, when the other is down', factsOf(one, two, worker), ['controller>p2'], ['p2', 'm1']],
  ['whoever the other does not reach', factsOf(one, two, worker), ['p2>m1'], ['m1']],
  ['all, when the other is drained', factsOf(one, proxy('p2', 2, 'drained'), worker), [], ['m1']],
  ['all, when the other is fenced', factsOf(one, proxy('p2', 2, 'fenced'), worker), [], ['m1']],
  ['nobody who has a way of its own', factsOf(one, instance('m1', 3, { managementIp: '10.1.0.3' })), [], []],
  ['nobody, where there is nobody else', factsOf(one), [], []],
])('a proxy that is drained strands %s', (_, facts, broken, expected) => {
  expect(stranded(facts, broken)).toEqual(expected);
});
