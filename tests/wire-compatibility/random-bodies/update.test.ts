import { ClusterTemplateUpdate, ClusterUpdate, NodeGroupTemplateUpdate } from '@wadi/api';
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
  wrongName,
  wrongPlugin,
  wrongUpdate,
  wrongVersion,
} from './wrong-reference.ts';

let target: Target;
beforeAll(async () => {
  target = await Target.open();
});
afterAll(() => target?.api.close());

interface Change {
  readonly what: string;
  readonly version: Version;
  readonly kind: Kind;
  readonly schema: object;
  readonly body: () => fc.Arbitrary<valid.Body>;
  /** What only the rules behind the schema refuse. */
  readonly wrong: (body: valid.Body) => WrongField[];
}

const changes = versions.flatMap((version): Change[] => [
  {
    ...{ what: 'a node group template', version, kind: 'node-group-templates' },
    schema: NodeGroupTemplateUpdate,
    body: () => valid.nodeGroupTemplateChange,
    wrong: (body) => [...wrongInGroup(body, []), ...wrongVersion(body, wordOf('plugin_version', version))],
  },
  {
    ...{ what: 'a cluster template', version, kind: 'cluster-templates' },
    schema: ClusterTemplateUpdate,
    body: () => valid.clusterTemplateChange(target.references),
    wrong: (body) => [...wrongInCluster(body), ...wrongVersion(body, wordOf('plugin_version', version))],
  },
  {
    ...{ what: 'a cluster', version, kind: 'clusters' },
    schema: ClusterUpdate,
    body: () => valid.clusterChange,
    wrong: (body) => wrongUpdate(body, version),
  },
]);
const runs = runsOf(changes.length);
const titled = changes.map((one) => [one.what, one.version, one] as const);

const methodOf = ({ kind, version }: Change) => (kind !== 'clusters' && version === 'v1.1' ? 'PUT' : 'PATCH');

describe.concurrent(`of ${bodiesOfKind} bodies that update`, () => {
  it.each(titled)(
    'those of %s in %s that are valid do what they say',
    async (_what, version, change) => {
      const { kind, body } = change;
      // A cluster is used again, as it has to come up first; each of the others has one body only.
      const cluster = kind === 'clusters' ? await target.make(kind, { node_groups: [] }) : undefined;
      if (cluster) await target.active(cluster.id);
      await fc.assert(
        fc.asyncProperty(body(), async (generated) => {
          const { id } = cluster ?? (await target.make(kind, {}));
          const named = 'name' in generated ? { name: target.unique(generated.name) } : {};
          const asked = inWords({ ...generated, ...named }, version);
          const answer = await target.api.request(methodOf(change), `/${version}/${kind}/${id}`, asked);
          expectSuccess(answer);
          expectGiven(Object.values<Record<string, unknown>>(answer.body)[0] ?? {}, asked);
          if (!cluster) return;
          await target.active(id);
          expectSuccess(await target.api.request('PATCH', `/v2/clusters/${id}`, { is_protected: false }));
        }),
        runs,
      );
    },
    patience,
  );

  it.each(titled)(
    'those of %s in %s that are wrong in one field are refused, name it and change nothing',
    async (_what, version, change) => {
      const { kind, schema, body, wrong } = change;
      const { id } = await target.make(kind, kind === 'clusters' ? { node_groups: [] } : {});
      if (kind === 'clusters') await target.active(id);
      const before = await target.show(kind, id);
      const one = wrongBodies({ schema, version, body: body() }, (asked) => [
        ...wrongPlugin(asked, wordOf('plugin_version', version)),
        ...wrong(asked),
        wrongName(target.taken(kind)),
      ]);
      await fc.assert(
        fc.asyncProperty(one, async (refused) => {
          const path = `/${version}/${kind}/${id}`;
          expectRefusal(await target.api.request(methodOf(change), path, refused.body), refused);
          expect(await target.show(kind, id)).toEqual(before);
        }),
        runs,
      );
    },
    patience,
  );

  it.each(titled)(
    'those of %s in %s that have nonsense in them are refused or taken, never a defect',
    async (_what, version, change) => {
      const { kind, schema } = change;
      const { id } = await target.make(kind, kind === 'clusters' ? { node_groups: [] } : {});
      await fc.assert(
        fc.asyncProperty(nonsense(schema, version), async (changes) => {
          const asked = { ...changes, is_protected: false };
          const answer = await target.api.request(methodOf(change), `/${version}/${kind}/${id}`, asked);
          expect([202, 400]).toContain(answer.status);
        }),
        runs,
      );
    },
    patience,
  );
});
