import assert from 'node:assert/strict';
import type { DeleteOptions, TagFilter } from '@wadi/openstack';
import type { Stage } from '../stage.ts';
import { refused, unknownId } from './refused.ts';

interface Item {
  readonly id: string;
  readonly tags: readonly string[];
}

/** As all of Neutron's resources have them. */
interface Resources<One extends Item, New, Filter extends object> {
  create(resource: New): Promise<One>;
  get(id: string): Promise<One | null>;
  list(filter?: Filter & TagFilter): Promise<One[]>;
  update(id: string, changes: Partial<New>): Promise<One>;
  delete(id: string, options?: DeleteOptions): Promise<void>;
  addTag(id: string, tag: string): Promise<void>;
  setTags(id: string, tags: readonly string[]): Promise<void>;
}

export interface Play<New, Filter> {
  readonly make: New;
  /** Partial, and what can be seen of it afterwards. */
  readonly change: Partial<New>;
  /** Each finds it, alone. */
  readonly filters: readonly Filter[];
}

/** The whole life of one, but for its end: whoever asked still needs it. `vanish` is that. */
export async function live<One extends Item, New extends object, Filter extends object>(
  { after }: Stage,
  resources: Resources<One, New, Filter>,
  { make, change, filters }: Play<New, Filter>,
): Promise<One> {
  const { id } = await resources.create(make);
  after(() => resources.delete(id, { missingOk: true }));
  // What has a meaning in a path or a query has none here.
  const odd = 'a:b?c#%41 & "d"+';
  for (const tag of ['contract', odd, 'contract']) await resources.addTag(id, tag);
  assert.deepEqual((await resources.get(id))?.tags, [odd, 'contract'].sort());
  await assert.rejects(resources.addTag(id, 'fünf'), { code: 'INVALID_ARGUMENT' });
  await resources.setTags(id, ['contract', 'one: 1', 'fünf', odd, 'contract']);
  const changed = await resources.update(id, change);
  for (const [name, value] of Object.entries(change))
    if (Object.hasOwn(changed, name)) assert.deepEqual((changed as Record<string, unknown>)[name], value);
  for (const filter of filters)
    assert.deepEqual(
      (await resources.list(filter as Filter & TagFilter)).map((one) => one.id),
      [id],
      JSON.stringify(filter),
    );
  const tagged = (tags: string[]) => resources.list({ tags } as unknown as Filter & TagFilter);
  assert.deepEqual(
    (await tagged(['contract', 'one: 1', 'fünf', odd])).map((one) => one.id),
    [id],
  );
  assert.deepEqual(await tagged(['contract', 'two']), []);
  assert.equal(await resources.get(unknownId), null);
  await refused(resources.addTag(unknownId, 'contract'), 'NOT_FOUND');
  await refused(resources.update(unknownId, change), 'NOT_FOUND');
  const found = await resources.get(id);
  assert.ok(found);
  return found;
}

export async function vanish<One extends Item, New, Filter extends object>(
  resources: Resources<One, New, Filter>,
  id: string,
): Promise<void> {
  await resources.delete(id);
  assert.equal(await resources.get(id), null);
  await refused(resources.delete(id), 'NOT_FOUND');
  await resources.delete(id, { missingOk: true });
}
