import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  demo,
  type Environment,
  openEnvironment,
  other,
  tokens,
} from './recorded-environment.ts';

const cirros = '3b0a3b1e-7c7c-4d3b-8a56-0b6f7a1d0001';
const ubuntu = '3b0a3b1e-7c7c-4d3b-8a56-0b6f7a1d0002';
const network = '5e1f0000-0000-4000-8000-000000000001';
const base = `/v1.1/${demo}`;

let api: Environment;
beforeAll(async () => {
  api = await openEnvironment(undefined, 'fake', { 'security group': 3 });
});
afterAll(() => api?.close());

it('an image is registered, tagged in both styles, found by name, tags and user, and unregistered', async () => {
  const registered = await api.request('POST', `${base}/images/${ubuntu}`, { username: 'ubuntu' });
  expect([registered.status, registered.body.image.tags]).toEqual([202, []]);
  const tag = (action: string, ...tags: string[]) =>
    api.request('POST', `${base}/images/${ubuntu}/${action}`, { tags });
  expect((await tag('tag', 'bare', '1.0', 'bare')).body.image.tags).toEqual(['bare', '1.0']);
  expect((await tag('untag', '1.0')).body.image.tags).toEqual(['bare']);

  const put = await api.request('PUT', `/v2/images/${ubuntu}/tags`, { tags: ['x', 'y'] });
  expect([put.status, put.body.image.tags, put.body.tags]).toEqual([200, ['x', 'y'], ['x', 'y']]);
  expect((await api.request('GET', `/v2/images/${ubuntu}/tags`)).body).toEqual(['x', 'y']);

  const found = async (query: string) =>
    (await api.request('GET', `/v2/images?${query}`)).body.images.map((one: { id: string }) => one.id);
  expect(await found('name=buntu&tags=x&tags=y&username=ubuntu')).toEqual([ubuntu]);
  expect(await found('tags=x&tags=z')).toEqual([]);
  expect(await found('username=root')).toEqual([]);
  expect((await api.request('GET', '/v2/images?nonsense=1')).body.error_name).toBe(
    'INVALID_PARAMS_ON_REQUEST',
  );

  expect((await api.request('DELETE', `/v2/images/${ubuntu}/tags`)).status).toBe(204);
  expect((await api.request('GET', `/v2/images/${ubuntu}/tags`)).body).toEqual({});
  expect((await api.request('DELETE', `/v2/images/${ubuntu}`)).status).toBe(204);
  expect((await api.request('GET', `/v2/images/${ubuntu}`)).body.error_name).toBe('IMAGE_NOT_REGISTERED');
  expect((await tag('tag', 'x')).body.error_name).toBe('IMAGE_NOT_REGISTERED');
});

it('what one project says of an image is not the business of another one', async () => {
  await api.request('POST', `${base}/images/${cirros}`, { username: 'cirros' });
  const bob = { 'X-Auth-Token': tokens.bob };
  const theirs = await api.request('GET', `/v1.1/${other}/images`, undefined, bob);
  expect(theirs.body.images).toEqual([]);
});

const group = { name: 'g', count: 1, flavor_id: '2', node_processes: ['namenode'] };
const cluster = {
  name: 'c',
  plugin_name: 'fake',
  plugin_version: '0.1',
  default_image_id: cirros,
  neutron_management_network: network,
};
const unknown = '5e1f0000-0000-4000-8000-0000000000ee';

it("an image without the plugin's tags makes no cluster", async () => {
  const answer = await api.request('POST', '/v2/clusters', { ...cluster, node_groups: [group] });
  expect([answer.status, answer.body.error_name]).toEqual([400, 'INVALID_REFERENCE']);
  expect(answer.body.error_message).toContain("don't contain required tags ['fake', '0.1']");
  await api.request('PUT', `/v2/images/${cirros}/tags`, { tags: ['fake', '0.1'] });
});

it.each([
  [{ default_image_id: null }, {}, "'default_image_id' field is not found"],
  [{ default_image_id: ubuntu }, {}, `Requested image '${ubuntu}' is not registered`],
  [{ neutron_management_network: null }, {}, "'neutron_management_network' field is not found"],
  [{ neutron_management_network: unknown }, {}, `Network ${unknown} not found`],
  [{ user_keypair_id: 'nokey' }, {}, "Requested keypair 'nokey' not found"],
  [{}, { image_id: ubuntu }, `Requested image '${ubuntu}' is not registered`],
  [{}, { floating_ip_pool: 'nope' }, 'Floating IP pool nope not found'],
  [{}, { security_groups: ['default', 'nope'] }, "Security group 'nope' not found"],
  [{}, { availability_zone: 'mars' }, "Nova availability zone 'mars' not found"],
  [{}, { volumes_per_node: 1, volumes_size: 1, volume_type: 'zzz' }, "Volume type 'zzz' not found"],
  [{}, { count: 17 }, 'Quota exceeded for instance: Requested 17, but available 16'],
  [{}, { count: 16, flavor_id: '3', volumes_per_node: 4, volumes_size: 1 }, 'Quota exceeded for volume:'],
  [{}, { count: 16, volumes_per_node: 3, volumes_size: 100 }, 'Quota exceeded for volume storage:'],
])(
  'a cluster with %j and a group with %j is refused and leaves nothing',
  async (fields, groupFields, text) => {
    const body = { ...cluster, ...fields, node_groups: [{ ...group, ...groupFields }] };
    const answer = await api.request('POST', '/v2/clusters', body);
    expect(answer.status).toBe(400);
    expect(answer.body.error_message).toContain(text);
    expect((await api.request('GET', '/v2/clusters')).body.clusters).toEqual([]);
  },
);

describe("the tags that a plugin wants of its machines' images", () => {
  const plugin = { plugin_name: 'fake', plugin_version: '0.1' };
  const retag = (image: string, ...tags: string[]) =>
    api.request('PUT', `/v2/images/${image}/tags`, { tags });
  const make = (kind: string, body: object) => api.request('POST', `/v2/${kind}`, { ...plugin, ...body });
  const lacks = (image: string) =>
    `Tags of requested image '${image}' don't contain required tags ['0.1']\nError ID: `;
  const expectRefused = ({ status, body }: Answer) => {
    expect([status, body.error_name]).toEqual([400, 'INVALID_REFERENCE']);
    expect(body.error_message).toContain(lacks(ubuntu));
  };

  beforeAll(async () => {
    for (const image of [cirros, ubuntu]) await api.request('POST', `/v2/images/${image}`, { username: 'u' });
    await retag(cirros, 'fake', '0.1');
    await retag(ubuntu, 'fake', 'more');
  });

  it('are asked of the images of node group templates, new and changed', async () => {
    const { count: _, ...values } = group;
    const own = { ...values, image_id: ubuntu };
    expectRefused(await make('node-group-templates', { ...own, name: 'untagged' }));
    const good = await make('node-group-templates', { ...own, name: 'tagged', image_id: cirros });
    expect(good.status).toBe(202);
    const { id } = good.body.node_group_template;
    expectRefused(await api.request('PATCH', `/v2/node-group-templates/${id}`, { image_id: ubuntu }));
  });

  it('are asked of the images of cluster templates, new and changed, and of their groups', async () => {
    expectRefused(await make('cluster-templates', { name: 'untagged', default_image_id: ubuntu }));
    const inGroup = { node_groups: [{ ...group, image_id: ubuntu }] };
    expectRefused(await make('cluster-templates', { name: 'untagged', ...inGroup }));
    const good = await make('cluster-templates', { name: 'tagged', default_image_id: cirros });
    expect(good.status).toBe(202);
    const path = `/v2/cluster-templates/${good.body.cluster_template.id}`;
    expectRefused(await api.request('PATCH', path, { default_image_id: ubuntu }));
    expectRefused(await api.request('PATCH', path, inGroup));
  });

  it('are asked again of the groups of a cluster template that goes to another plugin', async () => {
    const bare = { plugin_name: 'bare', plugin_version: '1.0' };
    const machine = { ...group, node_processes: ['proxy'], image_id: ubuntu };
    const made = await make('cluster-templates', { ...bare, name: 'bare', node_groups: [machine] });
    expect(made.status).toBe(202);
    const path = `/v2/cluster-templates/${made.body.cluster_template.id}`;
    expectRefused(await api.request('PATCH', path, plugin));
    expect((await api.request('PATCH', path, { description: 'still bare' })).status).toBe(202);
  });

  it('are asked of the images of clusters, one or many, and of their groups', async () => {
    const many = { ...cluster, name: 'many', hadoop_version: '0.1', count: 2, node_groups: [group] };
    const { plugin_version: _, ...old } = many;
    const asked: [string, object][] = [
      ['/v2/clusters', { ...cluster, default_image_id: ubuntu, node_groups: [group] }],
      ['/v2/clusters', { ...cluster, node_groups: [{ ...group, image_id: ubuntu }] }],
      [`${base}/clusters/multiple`, { ...old, default_image_id: ubuntu }],
    ];
    for (const [path, body] of asked) expectRefused(await api.request('POST', path, body));
    expect((await api.request('GET', '/v2/clusters')).body.clusters).toEqual([]);
  });

  it('are asked when a cluster grows: of its own image, of its groups, of new groups', async () => {
    await retag(ubuntu, 'fake', '0.1');
    const other = { ...group, name: 'other', image_id: ubuntu };
    const door = { ...group, is_proxy: true };
    const made = await make('clusters', { ...cluster, name: 'grows', node_groups: [door, other] });
    expect(made.status).toBe(202);
    await api.settle();
    await retag(ubuntu, 'fake');
    const scale = (body: object) => api.request('PUT', `/v2/clusters/${made.body.cluster.id}`, body);
    const resize = (name: string, count: number) => ({ resize_node_groups: [{ name, count }] });
    expectRefused(await scale({ add_node_groups: [{ ...other, name: 'third' }] }));
    expectRefused(await scale(resize('other', 2)));
    await retag(cirros, 'fake');
    const { body } = await scale(resize('g', 2));
    expect(body.error_message).toContain(lacks(cirros));
    await retag(cirros, 'fake', '0.1');
    expect((await scale(resize('g', 2))).status).toBe(202);
    await api.settle();
    // Fewer machines need no image.
    expect((await scale(resize('other', 0))).status).toBe(202);
    await api.settle();
  });
});

it('several clusters at once need as many security groups as they have', async () => {
  const groups = [{ ...group, auto_security_group: true }];
  const body = { ...cluster, count: 4, node_groups: groups };
  const answer = await api.request('POST', '/v2/clusters', body);
  expect(answer.body.error_message).toContain(
    'Quota exceeded for security group: Requested 4, but available 3',
  );
});

it('a scaling needs room for no more than it adds to what it takes away, since machines go first', async () => {
  const volumes = { volumes_per_node: 30, volumes_size: 1 };
  const proxy = { ...group, name: 'gw', node_processes: ['proxy'], is_proxy: true, count: 1 };
  const groups = [
    proxy,
    { ...group, ...volumes, name: 'a', count: 1 },
    { ...group, ...volumes, name: 'b', count: 0 },
  ];
  const made = await api.request('POST', '/v2/clusters', { ...cluster, name: 'full', node_groups: groups });
  expect([made.status, made.body.error_message]).toEqual([202, undefined]);
  await api.settle();
  const path = `/v2/clusters/${made.body.cluster.id}`;
  const resize = (a: number, b: number) =>
    api.request('PUT', path, {
      resize_node_groups: [
        { name: 'a', count: a },
        { name: 'b', count: b },
      ],
    });
  const refused = await resize(0, 3);
  expect(refused.body.error_message).toContain('Quota exceeded for volume: Requested 60, but available 50');
  expect((await resize(0, 2)).status).toBe(202);
  await api.settle();
  const { body } = await api.request('GET', path);
  expect([body.cluster.status, body.cluster.status_description]).toEqual(['Active', '']);
  expect((await api.request('DELETE', path)).status).toBe(204);
  await api.settle();
}, 120_000);

it('an admin hides and switches off a plugin for the own project', async () => {
  const admin = { 'X-Auth-Token': tokens.admin };
  const patch = (body: object, headers = admin) => api.request('PATCH', '/v2/plugins/fake', body, headers);
  const off = { plugin_labels: { enabled: { status: false } } };
  expect((await patch(off, { 'X-Auth-Token': tokens.alice })).status).toBe(403);
  const changed = await patch(off);
  expect([changed.status, changed.body.plugin.plugin_labels.enabled.status]).toEqual([202, false]);
  const refused = await api.request('POST', '/v2/clusters', { ...cluster, node_groups: [group] });
  expect(refused.body.error_message).toContain("Requested plugin 'fake' is not enabled");
  const bob = { 'X-Auth-Token': tokens.bob };
  const theirs = await api.request('GET', '/v2/plugins/fake', undefined, bob);
  expect(theirs.body.plugin.plugin_labels.enabled.status).toBe(true);
  await patch({ plugin_labels: { enabled: { status: true } } });
  expect((await patch({ plugin_labels: { stable: { status: true } } })).body.error_name).toBe(
    'INVALID_REFERENCE',
  );
  expect((await patch({ plugin_labels: { hidden: {} } })).body.error_name).toBe('VALIDATION_ERROR');
});

it('flavors are told to a client that asks for them here', async () => {
  expect((await api.request('GET', `${base}/flavors/2`)).body.flavor.name).toBe('m1.small');
  expect((await api.request('GET', `${base}/flavors/detail`)).body.flavors).toHaveLength(3);
  expect((await api.request('GET', '/v2/flavors/m1.small')).status).toBe(404);
});
