import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveValues, type GivenValues, mergeConfigs, planNodeGroup } from './node-group.ts';

const value = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const configs = fc.dictionary(fc.constantFrom('a', 'b'), fc.dictionary(fc.constantFrom('x', 'y'), value));
const given: fc.Arbitrary<GivenValues> = fc.record(
  {
    flavor_id: fc.string(),
    is_proxy: fc.option(fc.boolean()),
    availability_zone: fc.option(fc.string()),
    volumes_per_node: fc.nat(),
    node_processes: fc.array(fc.string()),
    node_configs: configs,
  },
  { requiredKeys: [] },
);

describe('the values of a node group', () => {
  it('are its own where it gives them, else the template’s, else the default', () => {
    fc.assert(
      fc.property(given, given, (template, own) => {
        const values = effectiveValues(template, own);
        for (const name of ['flavor_id', 'is_proxy', 'availability_zone', 'volumes_per_node'] as const) {
          const layer = name in own ? own : name in template ? template : effectiveValues();
          expect(values[name]).toEqual(layer[name]);
        }
      }),
    );
  });

  it('keep what the group set itself when its template changes', () => {
    fc.assert(
      fc.property(given, given, given, (before, after, own) => {
        for (const name of Object.keys(own).filter((key) => key !== 'node_configs') as (keyof GivenValues)[])
          expect(effectiveValues(after, own)[name]).toEqual(effectiveValues(before, own)[name]);
      }),
    );
  });

  it('merge settings one by one, and merging is associative', () => {
    fc.assert(
      fc.property(configs, configs, configs, (a, b, c) => {
        expect(mergeConfigs(mergeConfigs(a, b), c)).toEqual(mergeConfigs(a, mergeConfigs(b, c)));
        expect(mergeConfigs(a, a)).toEqual(mergeConfigs(a));
      }),
    );
  });

  it('take no field that node groups do not have', () => {
    const group = planNodeGroup(
      { name: 'g', count: 1, flavor_id: '2', node_processes: ['p'], is_public: true, description: 'd' },
      0,
    );
    expect(group.given).toEqual({ flavor_id: '2', node_processes: ['p'] });
  });
});

describe('the two names of the proxy flag', () => {
  const group = { name: 'g', count: 1, flavor_id: '2', node_processes: ['p'] };

  it.each([
    [{ is_proxy: true }, true],
    [{ is_proxy_gateway: true }, true],
    [{ is_proxy: false, is_proxy_gateway: false }, false],
    [{ is_proxy: null, is_proxy_gateway: true }, true],
    [{ is_proxy_gateway: null }, null],
    [{}, undefined],
  ])('mean one field: %j', (flags, expected) => {
    expect(planNodeGroup({ ...group, ...flags }, 0).given.is_proxy).toBe(expected);
  });

  it('may not contradict each other, and the error names both and the place', () => {
    expect(() => planNodeGroup({ ...group, is_proxy: true, is_proxy_gateway: false }, 3)).toThrow(
      'node_groups[3]: is_proxy is true and is_proxy_gateway is false, but they are the same field',
    );
  });
});
