import {
  ClusterCreate,
  ClusterCreateMultiple,
  ClusterTemplateCreate,
  NodeGroupTemplateCreate,
} from '@wadi/api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodiesOfKind, patience, runsOf } from './body-count.ts';
import { expectGiven, expectRefusal, expectSuccess, type Kind, Target } from './target.ts';
import * as valid from './valid-body.ts';
import { inWords, type Version, versions, wordOf } from './version-words.ts';
import { nonsense, type WrongField, wrongBodies } from './wrong-field.ts';
import {
  wrongInCluster,
  wrongInGroup,
  wrongInNewCluster,
  wrongName,
  wrongPlugin,
} from './wrong-reference.ts';

let target: Target;
beforeAll(async () => {
  target = await Target.open();
});
afterAll(() => target?.api.close());

interface Creation {
  readonly what: string;
  readonly version: Version;
  readonly kind: Kind;
  readonly path: string;
  readonly schema: object;
  readonly body: () => fc.Arbitrary<valid.Body>;
  /** What only the rules behind the schema refuse. */
  readonly wrong: (body: valid.Body) => WrongField[];
}

const several = () => valid.cluster(target.references, { count: fc.integer({ min: 1, max: 2 }) });

const creations = versions.flatMap((version): Creation[] => [
  {
    ...{ what: 'a node group template', version, kind: 'node-group-templates', path: 'node-group-templates' },
    schema: NodeGroupTemplateCreate,
    body: () => valid.nodeGroupTemplate,
    wrong: (body) => wrongInGroup(body, []),
  },
  {
    ...{ what: 'a cluster template', version, kind: 'cluster-templates', path: 'cluster-templates' },
    schema: ClusterTemplateCreate,
    body: () => valid.clusterTemplate(target.references),
    wrong: wrongInCluster,
  },
  {
    ...{ what: 'a cluster', version, kind: 'clusters', path: 'clusters' },
    schema: ClusterCreate,
    body: () => valid.cluster(target.references),
    wrong: wrongInNewCluster,
  },
  {
    ...{ what: 'several clusters', version, kind: 'clusters' },
    path: version === 'v2' ? 'clusters' : 'clusters/multiple',
    schema: version === 'v2' ? ClusterCreate : ClusterCreateMultiple,
    body: several,
    wrong: wrongInNewCluster,
  },
]);
const runs = runsOf(creations.length);
const titled = creations.map((one) => [one.what, one.version, one] as const);

describe.concurrent(`of ${bodiesOfKind} bodies that create`, () => {
  it.each(titled)(
    'those of %s in %s that are valid do what they say',
    async (_what, version, { kind, path, body }) => {
      await fc.assert(
        fc.asyncProperty(body(), async (generated) => {
          const asked = inWords({ ...generated, name: target.unique(generated.name) }, version);
          const answer = await target.api.request('POST', `/${version}/${path}`, asked);
          expectSuccess(answer);
          if ('count' in asked) expect(answer.body.clusters).toHaveLength(Number(asked.count));
          else expectGiven(Object.values<Record<string, unknown>>(answer.body)[0] ?? {}, asked);
          if (kind !== 'clusters') return;
          const ids = idsOf(answer.body);
          for (const id of ids) await target.active(id);
          for (const id of ids) await target.delete(id);
        }),
        runs,
      );
    },
    patience,
  );

  it.each(titled)(
    'those of %s in %s that are wrong in one field are refused and name it',
    async (_what, version, { kind, path, schema, body, wrong }) => {
      const one = wrongBodies({ schema, version, body: body() }, (asked) => [
        ...wrongPlugin(asked, wordOf('plugin_version', version)),
        ...wrong(asked),
        // Of several each has a number behind it.
        ...('count' in asked ? [] : [wrongName(target.taken(kind))]),
      ]);
      await fc.assert(
        fc.asyncProperty(one, async (refused) => {
          expectRefusal(await target.api.request('POST', `/${version}/${path}`, refused.body), refused);
        }),
        runs,
      );
    },
    patience,
  );

  it.each(titled)(
    'those of %s in %s that have nonsense in them are refused or taken, never a defect',
    async (_what, version, { kind, path, schema, body }) => {
      const one = fc.tuple(body(), nonsense(schema, version));
      await fc.assert(
        fc.asyncProperty(one, async ([generated, changes]) => {
          const named = { ...generated, name: target.unique(generated.name) };
          // No machines: what may succeed here is the request alone.
          const none =
            'cluster_template_id' in generated || 'node_groups' in generated ? { node_groups: [] } : {};
          const asked = { ...inWords({ ...named, ...none }, version), ...changes };
          const { status, body: answer } = await target.api.request('POST', `/${version}/${path}`, asked);
          expect([202, 400]).toContain(status);
          if (status === 400) expect(answer.error_message).toContain(`Error ID: ${answer.error_id}`);
          if (kind !== 'clusters') return;
          for (const id of idsOf(answer)) await target.delete(id);
        }),
        runs,
      );
    },
    patience,
  );
});

it('what was refused has left nothing behind', async () => {
  for (const kind of ['node-group-templates', 'cluster-templates', 'clusters']) {
    const { body } = await target.api.request('GET', `/v2/${kind}`);
    const names = Object.values<{ name: string }[]>(body)[0]?.map(({ name }) => name) ?? [];
    expect(names.filter((name) => !/-number-\d+-x(-\d)?$/.test(name))).toEqual([]);
  }
});

interface Shown {
  readonly id: string;
}

/** One cluster, those of v2 with their fields, or the ids of v1.1. */
function idsOf(answer: { cluster?: Shown; clusters?: (string | { cluster: Shown })[] }): string[] {
  if (answer.cluster) return [answer.cluster.id];
  return (answer.clusters ?? []).map((one) => (typeof one === 'string' ? one : one.cluster.id));
}
