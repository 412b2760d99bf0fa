import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkProxiesStay,
  checkResizes,
  checkServingStay,
  checkSpares,
  lacksProxy,
  planScaling,
  type Resize,
  type ScalableGroup,
} from './scaling.ts';

const names = ['a', 'b', 'c', 'd', 'e'];

const group = (name: string, isNew: boolean) =>
  fc
    .record({
      indices: fc.uniqueArray(fc.nat(9), { maxLength: 5 }),
      isProxy: fc.boolean(),
      wanted: fc.nat(5),
    })
    .map(({ indices, isProxy, wanted }): ScalableGroup => {
      const instances = isNew
        ? []
        : indices.map((index) => ({ id: `${name}#${index}`, name: `x-${name}-${index}`, index }));
      return { id: name, name, isProxy, instances, count: isNew ? wanted : instances.length };
    });

const scaling = fc
  .record({
    groups: fc.tuple(...names.slice(0, 3).map((name) => group(name, false))),
    added: fc.tuple(...names.slice(3).map((name) => group(name, true))).chain((all) => fc.subarray(all)),
    counts: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(7)),
    named: fc.array(fc.nat(20), { maxLength: 3 }),
  })
  .map(({ groups, added, counts, named }) => ({
    groups,
    added,
    resizes: Object.entries(counts).map(([name, count]): Resize => {
      const { instances = [] } = groups.find((one) => one.name === name) ?? {};
      const chosen = new Set(
        instances.length > 0 ? named.map((at) => instances[at % instances.length]?.name ?? '') : [],
      );
      return { name, count, ...(chosen.size > 0 && { instances: [...chosen] }) };
    }),
  }));

/** The groups with the machines that they have after these went and these came. */
function after(
  groups: readonly ScalableGroup[],
  gone: ReadonlySet<string>,
  add: readonly { nodeGroupId: string }[],
) {
  return groups.map(({ id, isProxy, instances }) => ({
    ...{ id, isProxy },
    count:
      instances.filter((one) => !gone.has(one.id)).length +
      add.filter(({ nodeGroupId }) => nodeGroupId === id).length,
  }));
}

function accepts(...checks: (() => void)[]): boolean {
  try {
    for (const check of checks) check();
    return true;
  } catch {
    return false;
  }
}

describe('a scaling that is accepted', () => {
  it('never leaves machines that need a proxy without one, at whatever point it stops', () => {
    let accepted = 0;
    fc.assert(
      fc.property(scaling, fc.nat(100), ({ groups, added, resizes }, removedAt) => {
        // Where there is none before, nothing can be kept.
        fc.pre(!lacksProxy(groups));
        const fits = accepts(
          () => checkResizes(groups, resizes),
          () => checkProxiesStay('x', groups, added, resizes),
        );
        if (!fits) return;
        accepted += 1;
        const plan = planScaling('x', groups, added, resizes);
        const gone = new Set(plan.remove);
        const all = [...groups, ...added];
        expect(lacksProxy(after(groups, gone, []))).toBe(false);
        expect(lacksProxy(after(all, gone, plan.add))).toBe(false);
        // Stopped between: machines go in any order, and only then come others; a failure takes those back.
        const some = new Set(plan.remove.slice(0, removedAt % (plan.remove.length + 1)));
        const proxies = groups.filter(({ isProxy }) => isProxy);
        const hadProxy = proxies.some(({ count }) => count > 0);
        const needs = after(groups, gone, []).some(({ isProxy, count }) => !isProxy && count > 0);
        if (hadProxy && needs) expect(after(proxies, some, []).some(({ count }) => count > 0)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(200);
  });

  it('ends with the numbers asked for, and gives no name twice', () => {
    fc.assert(
      fc.property(scaling, ({ groups, added, resizes }) => {
        fc.pre(accepts(() => checkResizes(groups, resizes)));
        const { remove, add, newGroups } = planScaling('x', groups, added, resizes);
        const counts = new Map(resizes.map(({ name, count }) => [name, count]));
        for (const { id, count } of after([...groups, ...added], new Set(remove), add)) {
          const before = [...groups, ...added].find((one) => one.id === id);
          expect(count).toBe(counts.get(id) ?? before?.count);
        }
        expect(new Set(remove).size).toBe(remove.length);
        const taken = groups.flatMap(({ instances }) => instances.map(({ name }) => name));
        expect(new Set([...taken, ...add.map(({ name }) => name)]).size).toBe(taken.length + add.length);
        expect(newGroups).toEqual(added.map(({ id }) => id));
        for (const { instances: named = [] } of resizes)
          for (const one of named) expect(remove).toContain(one.replace(/^x-(.)-/, '$1#'));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes the highest numbers first, and numbers new ones above all that are there', () => {
    const instances = [4, 0, 2].map((index) => ({ id: `i${index}`, name: `x-w-${index}`, index }));
    const worker: ScalableGroup = { id: 'w', name: 'w', count: 3, isProxy: false, instances };
    const to = (count: number, named?: string[]) =>
      planScaling('X', [worker], [], [{ name: 'w', count, ...(named && { instances: named }) }]);
    expect(to(1).remove).toEqual(['i4', 'i2']);
    expect(to(1, ['x-w-0']).remove).toEqual(['i0', 'i4']);
    expect(to(5).add).toEqual([
      { nodeGroupId: 'w', index: 5, name: 'x-w-5' },
      { nodeGroupId: 'w', index: 6, name: 'x-w-6' },
    ]);
    expect(to(3)).toEqual({ remove: [], add: [], newGroups: [] });
  });
});

describe('a scaling of machines that wait in a pool', () => {
  const pooled = fc
    .record({
      used: fc.uniqueArray(fc.nat(9), { maxLength: 5 }),
      waiting: fc.uniqueArray(fc.nat(9), { maxLength: 5 }),
      wanted: fc.nat(8),
      isNew: fc.boolean(),
    })
    .map(({ used, waiting, wanted, isNew }) => {
      const numbers = isNew ? [] : used;
      const group: ScalableGroup = {
        ...{ id: 'w', name: 'w', isProxy: false, count: isNew ? wanted : numbers.length },
        instances: numbers.map((index) => ({ id: `i${index}`, name: `m${index}`, index })),
        spares: waiting
          .filter((index) => !numbers.includes(index))
          .map((index) => ({ name: `m${index}`, index, isProxy: false })),
      };
      return { group, wanted, isNew };
    });

  it('takes the first of them, each under its own name and number, or is refused with how many there are', () => {
    fc.assert(
      fc.property(pooled, ({ group, wanted, isNew }) => {
        const [groups, added] = isNew ? [[], [group]] : [[group], []];
        const resizes = isNew ? [] : [{ name: 'w', count: wanted }];
        const { spares = [] } = group;
        const more = isNew ? wanted : wanted - group.count;
        const refused = !accepts(() => checkSpares(groups, added, resizes));
        expect(refused).toBe(more > spares.length);
        if (refused) {
          const text = `would take ${more} of its spare machines, of which it has ${spares.length}`;
          expect(() => checkSpares(groups, added, resizes)).toThrow(text);
          return;
        }
        const { add, remove } = planScaling('x', groups, added, resizes);
        const first = spares.slice(0, Math.max(0, more));
        expect(add).toEqual(first.map(({ name, index }) => ({ nodeGroupId: 'w', index, name })));
        expect(remove).toHaveLength(Math.max(0, -more));
      }),
    );
  });

  it('makes no proxy of a machine that is none, nor the other way round', () => {
    const group = (isProxy: boolean): ScalableGroup => ({
      ...{ id: 'g', name: 'g', count: 1, isProxy, instances: [] },
      spares: [{ name: 'm1', index: 0, isProxy: !isProxy }],
    });
    expect(() => checkSpares([], [group(true)], [])).toThrow("'g' is a proxy group, but m1 are no proxies");
    expect(() => checkSpares([], [group(false)], [])).toThrow("'g' is no proxy group, but m1 are proxies");
  });
});

it('the last proxy may go when nobody needs one', () => {
  const door: ScalableGroup = {
    ...{ id: 'd', name: 'd', count: 1, isProxy: true },
    instances: [{ id: 'i', name: 'x-d-0', index: 0 }],
  };
  expect(() => checkProxiesStay('x', [door], [], [{ name: 'd', count: 0 }])).not.toThrow();
});

describe('proxies by their duties', () => {
  const machine = fc.record({ serves: fc.boolean(), goes: fc.boolean() });

  it('are refused to go exactly when the last in use would, and others would stay without', () => {
    fc.assert(
      fc.property(fc.array(machine, { maxLength: 8 }), (all) => {
        const machines = all.map(({ serves }, index) => ({ id: `${index}`, name: `m-${index}`, serves }));
        const remove = all.flatMap(({ goes }, index) => (goes ? [`${index}`] : []));
        const had = all.some(({ serves }) => serves);
        const stays = all.some(({ serves, goes }) => serves && !goes);
        const stranded = had && !stays && all.some(({ serves, goes }) => !serves && !goes);
        const check = () => checkServingStay('c', machines, remove);
        if (stranded) expect(check).toThrow(/would lose the last proxy that is in use/);
        else expect(check).not.toThrow();
      }),
    );
  });
});
