import { AccessError, type AccessErrorDetails, describeRoute, IndirectAccess } from '@wadi/indirect-access';
import { describe, expect, it, vi } from 'vitest';
import type { ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { ClusterReach } from './cluster-reach.ts';
import { NoRouteError } from './no-route-error.ts';
import { RouteHealth } from './route-health.ts';
import { RouteSelector } from './route-selector.ts';

function instance(name: string, given: Partial<InstanceFacts> = {}): InstanceFacts {
  return {
    id: name,
    name,
    nodeGroupId: 'g',
    nodeGroupName: 'g',
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

const worker = instance('worker');
const instances = [
  instance('proxy-0', { isProxy: true, managementIp: '10.1.0.1' }),
  instance('proxy-1', { isProxy: true, managementIp: '10.1.0.2', index: 1 }),
  worker,
];
const indirect = new IndirectAccess({
  identity: () => {
    throw new Error('nothing is opened here');
  },
});
vi.spyOn(indirect, 'connect').mockResolvedValue({ serverVersion: '', route: '' });
const settings = {
  relay: 'auto',
  trustFirstContact: false,
  proxyPolicy: 'first',
  directWhenFaster: false,
} as const;

/** With nothing known of any route. */
function reachOf(facts: ClusterFacts): ClusterReach {
  let now = 0;
  const chance = { now: () => now++, random: () => 0 };
  const health = new RouteHealth({ ...chance, first: 50, most: 100 });
  return new ClusterReach(indirect, facts, settings, new RouteSelector({ health, ...chance }));
}

const facts = { clusterId: 'c', clusterName: 'c', instances };

/** Says what happens on each route in turn, and notes which were tried. */
async function tryRoutes(...outcomes: (AccessErrorDetails | 'done')[]) {
  const tried: string[] = [];
  const result = await reachOf(facts)
    .through(worker, async (route) => {
      tried.push(describeRoute(route).split(' > ')[1] ?? '');
      const outcome = outcomes[tried.length - 1];
      if (outcome === 'done') return 'done';
      throw new AccessError(`failed ${tried.length}`, outcome ?? { code: 'CLOSED' });
    })
    .catch((error: AccessError) => error.message);
  return { tried, result };
}

const dead: AccessErrorDetails = {
  code: 'CONNECTION_TIMEOUT',
  hop: 'proxy-0',
  phase: 'dial',
  retryable: true,
};
const beyond: AccessErrorDetails = {
  code: 'TARGET_UNREACHABLE',
  hop: 'worker',
  phase: 'relay',
  retryable: true,
};
const stale: AccessErrorDetails = { code: 'TIMEOUT', hop: 'worker', phase: 'channel', retryable: true };
const started: AccessErrorDetails = { code: 'CONNECTION_LOST', hop: 'worker', phase: 'command' };
const refused: AccessErrorDetails = { code: 'AUTHENTICATION_FAILED', hop: 'worker', phase: 'authentication' };

describe('the routes to a machine', () => {
  it('are tried in order until one works', async () => {
    expect(await tryRoutes('done')).toEqual({ tried: ['proxy-0'], result: 'done' });
    expect(await tryRoutes(dead, 'done')).toEqual({ tried: ['proxy-0', 'proxy-1'], result: 'done' });
  });

  it('are not tried any further once something may have happened', async () => {
    expect(await tryRoutes(started, 'done')).toEqual({ tried: ['proxy-0'], result: 'failed 1' });
    expect(await tryRoutes(refused, 'done')).toEqual({ tried: ['proxy-0'], result: 'failed 1' });
    expect(await tryRoutes(dead, started, 'done')).toEqual({
      tried: ['proxy-0', 'proxy-1'],
      result: 'failed 2',
    });
  });

  it('are told of by the failure that came furthest', async () => {
    const tried = ['proxy-0', 'proxy-1'];
    expect(await tryRoutes(dead, beyond)).toEqual({ tried, result: 'failed 2; other ways: failed 1' });
    expect(await tryRoutes(beyond, dead)).toEqual({ tried, result: 'failed 1; other ways: failed 2' });
  });

  it('are tried again after a connection that had died unnoticed, when no other works, once', async () => {
    expect(await tryRoutes(stale, 'done')).toEqual({ tried: ['proxy-0', 'proxy-1'], result: 'done' });
    expect(await tryRoutes(stale, dead, 'done')).toEqual({
      tried: ['proxy-0', 'proxy-1', 'proxy-0'],
      result: 'done',
    });
    const { tried } = await tryRoutes(stale, stale, stale, stale, stale);
    expect(tried).toEqual(['proxy-0', 'proxy-1', 'proxy-0', 'proxy-1']);
  });

  it('that do not exist are an error that says why', async () => {
    const alone = { clusterId: 'c', clusterName: 'demo', instances: [worker] };
    const nothing = reachOf(alone).through(worker, async () => 'done');
    await expect(nothing).rejects.toThrow(NoRouteError);
    await expect(nothing).rejects.toMatchObject({ hop: 'worker', hint: expect.stringContaining('is_proxy') });
  });

  it('lead to the ports of a machine that is dialled only from within that machine', () => {
    const proxy = instances[0] as InstanceFacts;
    const reach = reachOf(facts);
    const [route] = reach.portRoutes(proxy);
    expect(route?.hops.map((hop) => (hop.kind === 'ssh' ? hop.machine.host : hop.kind))).toEqual([
      'tcp',
      '10.1.0.1',
    ]);
    expect(route?.machine.host).toBe('10.0.0.9');
    expect(reach.portRoutes(worker)).toEqual(reach.routes(worker));
  });
});
