import { AccessError } from '@wadi/indirect-access';
import { expect, it } from 'vitest';
import type { AccessSettings, InstanceFacts } from './cluster-facts.ts';
import { proxyStates } from './proxy-states.ts';
import { RouteHealth } from './route-health.ts';

const settings: AccessSettings = {
  relay: 'auto',
  trustFirstContact: false,
  proxyPolicy: 'balanced',
  directWhenFaster: false,
};

function proxy(name: string, index: number): InstanceFacts {
  return {
    id: name,
    name,
    nodeGroupId: 'g',
    nodeGroupName: 'g',
    groupPosition: 0,
    index,
    isProxy: true,
    internalIp: '10.0.0.9',
    managementIp: '10.1.0.1',
    sshPort: 22,
    managementPort: null,
    loginUser: 'wadi',
    credential: 'key',
    hostKeys: ['ssh-ed25519 AAAA'],
  };
}

it('a proxy that its neighbour reaches, and the controller does not, is down', () => {
  let now = 0;
  const health = new RouteHealth({ now: () => now, random: () => 0, first: 10, most: 10 });
  const facts = { clusterId: 'c', clusterName: 'c', instances: [proxy('p1', 0), proxy('p2', 1)] };
  const nothingOpen = { connections: [], channels: 0, handshakes: 0, waiting: 0 };
  const states = () => proxyStates(facts, settings, health, nothingOpen).map(({ state }) => state);
  expect(states()).toEqual(['unknown', 'unknown']);
  now = 5;
  health.worked(['controller>p2', 'p2>p1']);
  const cause = new AccessError('p1: refused', { code: 'CONNECTION_REFUSED', hop: 'p1', retryable: true });
  health.failed('controller>p1', cause, now, false);
  expect(states()).toEqual(['down', 'up']);
  health.begin(['controller>p1']);
  expect(states()).toEqual(['trying', 'up']);
});
