import { ClusterScale } from '@wadi/api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodiesOfKind, patience, runsOf } from './body-count.ts';
import { expectRefusal, expectSuccess, gate, inner, Target } from './target.ts';
import { type Body, type Scalable, scaling } from './valid-body.ts';
import { inWords, versions } from './version-words.ts';
import { wrongBodies } from './wrong-field.ts';
import { wrongInScaling } from './wrong-reference.ts';

let target: Target;
beforeAll(async () => {
  target = await Target.open();
});
afterAll(() => target?.api.close());

/** Clusters that are scaled side by side in each version, one scaling of each at a time. */
const clustersOfVersion = 3;
/** Groups that a cluster gains before another one takes its place: what is looked at after each scaling grows. */
const mostGroups = 5;

const lanes = versions.flatMap((version) =>
  Array.from({ length: clustersOfVersion }, (_, index) => [version, index + 1] as const),
);

interface Group {
  readonly name: string;
  readonly count: number;
  readonly is_proxy: boolean;
  readonly instances: readonly { readonly instance_name: string }[];
}

async function newCluster(): Promise<string> {
  const { id } = await target.make('clusters', {
    node_groups: [gate, { ...inner, count: 2 }, { ...inner, name: 'rest', count: 0 }],
  });
  await target.active(id);
  return id;
}

function scalable(groups: readonly Group[]): Scalable {
  const others = groups.filter(({ is_proxy }) => !is_proxy);
  return {
    proxies: 'gate',
    others: others.map(({ name }) => name),
    machines: others.map(({ instances }) => instances.map(({ instance_name }) => instance_name)),
  };
}

describe.concurrent(`of ${bodiesOfKind} bodies that scale`, () => {
  it.each(lanes)(
    'those in %s that are valid end with the numbers asked for (cluster %i)',
    async (version) => {
      let id = await newCluster();
      await fc.assert(
        fc.asyncProperty(fc.gen(), async (draw) => {
          const before: Group[] = (await target.active(id)).node_groups;
          const generated = draw(scaling, target.references, scalable(before));
          const asked = inWords(withNewNames(generated), version);
          expectSuccess(await target.api.request('PUT', `/${version}/clusters/${id}`, asked));
          const { node_groups: after } = await target.active(id);
          expect(countsOf(after)).toEqual({ ...countsOf(before), ...countsOf(wanted(asked)) });
          for (const { count, instances } of after) expect(instances).toHaveLength(count);
          if (after.length < mostGroups) return;
          await target.delete(id);
          id = await newCluster();
        }),
        // Each try changes the cluster, so that a smaller body would be a body for another one.
        { ...runsOf(lanes.length), endOnFailure: true },
      );
    },
    patience,
  );

  it.each(versions)(
    'those in %s that are wrong in one field are refused, name it and change nothing',
    async (version) => {
      const id = await newCluster();
      const { node_groups: groups } = await target.active(id);
      const state = scalable(groups);
      const body = scaling(target.references, state);
      const one = wrongBodies({ schema: ClusterScale, version, body }, (asked) =>
        wrongInScaling(asked, state),
      );
      await fc.assert(
        fc.asyncProperty(one, async (refused) => {
          expectRefusal(await target.api.request('PUT', `/${version}/clusters/${id}`, refused.body), refused);
          const { status, node_groups } = await target.show('clusters', id);
          expect({ status, node_groups }).toEqual({ status: 'Active', node_groups: groups });
        }),
        runsOf(versions.length),
      );
    },
    patience,
  );
});

function withNewNames(body: Body): Body {
  const added = body.add_node_groups as Body[] | undefined;
  return added
    ? { ...body, add_node_groups: added.map((one) => ({ ...one, name: target.unique('g').slice(0, 30) })) }
    : body;
}

function wanted(body: Body): readonly Pick<Group, 'name' | 'count'>[] {
  return [body.resize_node_groups, body.add_node_groups].flatMap((groups) => (groups ?? []) as Group[]);
}

function countsOf(groups: readonly Pick<Group, 'name' | 'count'>[]): Record<string, number> {
  return Object.fromEntries(groups.map(({ name, count }) => [name, count]));
}
