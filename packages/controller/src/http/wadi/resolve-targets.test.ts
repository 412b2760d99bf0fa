import { ApiError } from '@wadi/api';
import { describe, expect, it } from 'vitest';
import type { ClusterFacts, InstanceFacts } from '../../access/cluster-facts.ts';
import { nearNames } from './near-names.ts';
import { resolveTargets } from './resolve-targets.ts';

const id = (digit: number) => `00000000-0000-4000-8000-00000000000${digit}`;

function instance(name: string, group: string, digit: number): InstanceFacts {
  return {
    id: id(digit),
    name,
    nodeGroupId: group,
    nodeGroupName: group,
    groupPosition: 0,
    index: digit,
    isProxy: false,
    internalIp: null,
    managementIp: null,
    sshPort: 22,
    managementPort: null,
    loginUser: null,
    credential: null,
    hostKeys: [],
  };
}

const facts: ClusterFacts = {
  clusterId: 'c',
  clusterName: 'demo',
  instances: [
    instance('demo-proxy-0', 'proxy', 0),
    instance('demo-worker-0', 'worker', 1),
    instance('demo-worker-1', 'worker', 2),
    instance('worker', 'odd', 3),
  ],
};
const names = (targets: string[]) => resolveTargets(facts, targets).map((each) => each.name);

function refusal(given: ClusterFacts, targets: string[]): ApiError {
  try {
    resolveTargets(given, targets);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the targets of a run', () => {
  it('are all instances when none is named', () => {
    expect(names([])).toHaveLength(4);
  });

  it('are found by name, by id in either case, and by node group, each once and in order', () => {
    expect(names(['demo-worker-1', id(1).toUpperCase(), 'proxy', 'demo-worker-1'])).toEqual([
      'demo-proxy-0',
      'demo-worker-0',
      'demo-worker-1',
    ]);
  });

  it('mean the instance when a node group has the same name', () => {
    expect(names(['worker'])).toEqual(['worker']);
    expect(refusal(facts, ['WORKER']).details).toEqual({ unknown_targets: ['WORKER'] });
  });

  it('are refused by name when unknown, with what may have been meant', () => {
    const error = refusal(facts, ['demo-wroker-1', 'demo-proxy-0']);
    expect(error.status).toBe(400);
    expect(error.details).toEqual({ unknown_targets: ['demo-wroker-1'] });
    expect(error.hint).toContain('demo-worker-1');
    expect(refusal(facts, ['zzzzzz']).hint).toContain('proxy, worker, odd');
  });

  // Compared one with each of the others, these kept everybody waiting for minutes.
  it('may be as many as machines, known or not', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => instance(`demo-node-${i}`, 'nodes', 0)).map(
      (each, i) => ({ ...each, id: `${id(0).slice(0, 24)}${String(i).padStart(12, '0')}` }),
    );
    const large = { ...facts, instances: many };
    expect(resolveTargets(large, many.map((each) => each.name).reverse())).toEqual(many);
    const error = refusal(
      large,
      many.map((each) => `${each.name}x`),
    );
    expect(error.message).toContain("'demo-node-0x'");
    expect(error.message).toMatch(/ and 9980 more$/);
    expect(error.details).toEqual({ unknown_targets: expect.any(Array) });
    expect(error.details.unknown_targets).toHaveLength(20);
    expect(error.hint).toContain('demo-node-0');
    expect(refusal(large, ['y'.repeat(1_000_000)]).hint).toContain('nodes');
  });

  it('are refused in a cluster without instances', () => {
    expect(refusal({ ...facts, instances: [] }, []).errorName).toBe('INVALID_REFERENCE');
  });
});

describe('names that are near', () => {
  it('are those with few typing errors, or that contain what was typed', () => {
    const known = ['web-1', 'web-2', 'database-1'];
    expect(nearNames('wbe-1', known)[0]).toBe('web-1');
    expect(nearNames('data', known)).toEqual(['database-1']);
    expect(nearNames('x', known)).toEqual([]);
    expect(nearNames('', [])).toEqual([]);
  });
});
