import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkGroupNames,
  checkHostNames,
  checkMachines,
  checkProxies,
  clusterNames,
} from './cluster-rules.ts';

const group = fc.record({
  name: fc.constantFrom('gw', 'workers', 'data'),
  count: fc.nat({ max: 3 }),
  isProxy: fc.boolean(),
});

describe('a cluster', () => {
  it('is refused exactly when it has proxy groups and not one proxy', () => {
    fc.assert(
      fc.property(fc.array(group), (groups) => {
        const proxies = groups.filter((one) => one.isProxy);
        const hopeless = proxies.length > 0 && proxies.every((one) => one.count === 0);
        if (hopeless) expect(() => checkProxies('c', groups)).toThrow(/would have no proxy/);
        else checkProxies('c', groups);
      }),
    );
  });

  it('hears which of its groups should have been a proxy', () => {
    expect(() => checkProxies('c', [{ name: 'gw', count: 0, isProxy: true }])).toThrow(
      "Cluster 'c' would have no proxy: node group 'gw' is marked is_proxy, with count 0",
    );
  });

  it('has host names of at most 64 characters', () => {
    const groups = [{ name: 'b'.repeat(40), count: 1, isProxy: false }];
    checkHostNames('a'.repeat(9), groups);
    expect(() => checkHostNames('a'.repeat(10), groups)).toThrow(/exceeds maximum limit 64 characters/);
  });

  it('has no more machines than one request may add, and hears which fields ask for them', () => {
    const groups = [1, 9].map((count, index) => ({ count, where: ['node_groups', index] }));
    const own = groups.map(({ where }) => [...where, 'count']);
    checkMachines(groups, 1000);
    expect(() => checkMachines(groups, 1001)).toThrow(
      expect.objectContaining({ fields: [['count'], ...own] }),
    );
    const [first] = groups.map((group) => ({ ...group, count: 10_001 }));
    expect(() => checkMachines(first ? [first] : [])).toThrow(expect.objectContaining({ fields: [own[0]] }));
  });

  it('has no two groups of one name', () => {
    checkGroupNames([{ name: 'a' }, { name: 'b' }]);
    expect(() => checkGroupNames([{ name: 'x' }, { name: 'y' }, { name: 'x' }])).toThrow(
      "Duplicates in node group names are detected: ['x']",
    );
  });

  it('has no two groups whose machines would have the same names, which are lower case', () => {
    expect(() => checkGroupNames([{ name: 'Worker' }, { name: 'worker' }])).toThrow(
      "Duplicates in node group names are detected: ['worker']",
    );
  });

  it.each([
    [undefined, ['c']],
    [1, ['c-1']],
    [2, ['c-1', 'c-2']],
  ])('made %s times is called %j', (count, names) => {
    expect(clusterNames('c', count)).toEqual(names);
  });

  it('made ten times has numbers of two digits', () => {
    expect(clusterNames('c', 10).slice(0, 1)).toEqual(['c-01']);
  });
});
