import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demo, type Environment, openEnvironment, other, tokens } from './recorded-environment.ts';

let api: Environment;
beforeAll(async () => {
  api = await openEnvironment();
});
afterAll(() => api?.close());

const group = { plugin_name: 'fake', plugin_version: '0.1', flavor_id: '2', node_processes: ['datanode'] };
const asBob = { 'X-Auth-Token': tokens.bob };

async function createGroup(fields: object) {
  const answer = await api.request('POST', '/v2/node-group-templates', { ...group, ...fields });
  expect(answer.body).toHaveProperty('node_group_template');
  return answer.body.node_group_template;
}

async function createTemplate(fields: object) {
  const body = { plugin_name: 'fake', plugin_version: '0.1', ...fields };
  const answer = await api.request('POST', '/v2/cluster-templates', body);
  expect(answer.body).toHaveProperty('cluster_template');
  return answer.body.cluster_template;
}

describe('a node group template', () => {
  it('is a proxy under either name, and says so under both', async () => {
    const ours = await createGroup({ name: 'proxy-ours', is_proxy: true });
    const saharas = await createGroup({ name: 'proxy-saharas', is_proxy_gateway: true });
    for (const template of [ours, saharas])
      expect(template).toMatchObject({ is_proxy: true, is_proxy_gateway: true });
    const off = await api.request('PATCH', `/v2/node-group-templates/${ours.id}`, {
      is_proxy_gateway: false,
    });
    expect(off.status).toBe(202);
    expect(off.body.node_group_template).toMatchObject({ is_proxy: false, is_proxy_gateway: false });
    const { body } = await api.request('GET', `/v2/node-group-templates/${saharas.id}/export`);
    expect(body.node_group_template.is_proxy_gateway).toBe(true);
    expect(body.node_group_template).not.toHaveProperty('is_proxy');
  });

  it('is refused when its two names contradict each other', async () => {
    const body = { ...group, name: 'both', is_proxy: true, is_proxy_gateway: false };
    const answer = await api.request('POST', '/v2/node-group-templates', body);
    expect(answer.status).toBe(400);
    expect(answer.body.error_name).toBe('VALIDATION_ERROR');
    expect(answer.body.error_message).toMatch(/is_proxy is true and is_proxy_gateway is false/);
  });

  it('with an image is changed by more at once than there are connections to the database', async () => {
    const image = '5a4db0c5-0000-4000-8000-000000000001';
    await api.request('POST', `/v2/images/${image}`, { username: 'wadi' });
    await api.request('PUT', `/v2/images/${image}/tags`, { tags: ['fake', '0.1'] });
    const { id } = await createGroup({ name: 'busy', image_id: image });
    const changes = Array.from({ length: 30 }, (_, number) =>
      api.request('PATCH', `/v2/node-group-templates/${id}`, { description: `change ${number}` }),
    );
    expect(new Set((await Promise.all(changes)).map(({ status }) => status))).toEqual(new Set([202]));
  });

  it('can be exported and imported again', async () => {
    const { id } = await createGroup({ name: 'to-export', is_proxy: true });
    const exported = await api.request('GET', `/v2/node-group-templates/${id}/export`);
    expect(exported.headers.get('content-disposition')).toBe('attachment; filename=node_group_template.json');
    // As the client does: without nulls, without the size of volumes that there are none of, placeholders replaced.
    const { image_id, floating_ip_pool, security_groups, volumes_size, ...rest } =
      exported.body.node_group_template;
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
    const again = await createGroup({ ...given, name: 'imported', flavor_id: '2' });
    expect(again).toMatchObject({ is_proxy: true, node_processes: ['datanode'] });
  });

  it('shows the renamed keys of v2 last', async () => {
    const template = await createGroup({ name: 'keys' });
    expect(Object.keys(template).slice(-2)).toEqual(['plugin_version', 'project_id']);
    expect(template).not.toHaveProperty('hadoop_version');
    expect(template.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
    expect(template.updated_at).toBeNull();
  });

  it('created 200 times at once under one name exists once', async () => {
    const body = { ...group, name: 'the-one' };
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => api.request('POST', '/v2/node-group-templates', body)),
    );
    expect(answers.filter((answer) => answer.status === 202)).toHaveLength(1);
    const refused = answers.filter((answer) => answer.status !== 202);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.error_name}`))).toEqual(
      new Set(['400 NAME_ALREADY_EXISTS']),
    );
  });

  it('renamed to a name that is taken keeps its own', async () => {
    await createGroup({ name: 'taken' });
    const { id } = await createGroup({ name: 'mine' });
    const answer = await api.request('PATCH', `/v2/node-group-templates/${id}`, { name: 'taken' });
    expect([answer.status, answer.body.error_name]).toEqual([400, 'NAME_ALREADY_EXISTS']);
  });

  it('shares a new name with nobody, however many want it at once', async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, index) => createGroup({ name: `rename-${index}` })),
    );
    const answers = await Promise.all(
      all.map(({ id }) => api.request('PATCH', `/v2/node-group-templates/${id}`, { name: 'wanted' })),
    );
    const kinds = answers.map(({ status, body }) => `${status} ${body.error_name ?? ''}`);
    expect(kinds.filter((kind) => kind === '202 ')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === '400 NAME_ALREADY_EXISTS')).toHaveLength(19);
  });

  it('is not there for other projects, unless it is public', async () => {
    const { id } = await createGroup({ name: 'hidden' });
    const path = `/v2/node-group-templates/${id}`;
    for (const method of ['GET', 'DELETE'])
      expect((await api.request(method, path, undefined, asBob)).status).toBe(404);
    expect((await api.request('PATCH', path, {}, asBob)).status).toBe(404);
    await api.request('PATCH', path, { is_public: true });
    expect((await api.request('GET', path, undefined, asBob)).status).toBe(200);
    const change = await api.request('PATCH', path, { description: 'x' }, asBob);
    expect([change.status, change.body.error_name]).toEqual([400, 'UPDATE_FAILED']);
    const removal = await api.request('DELETE', path, undefined, asBob);
    expect([removal.status, removal.body.error_name]).toEqual([400, 'DELETION_FAILED']);
  });

  it('is not changed by those who may only read', async () => {
    const answer = await api.request(
      'POST',
      '/v2/node-group-templates',
      { ...group, name: 'r' },
      { 'X-Auth-Token': tokens.reader },
    );
    expect([answer.status, answer.body.error_name]).toEqual([403, 'FORBIDDEN']);
  });
});

describe('a cluster template', () => {
  it('keeps what a group set itself when the node group template changes', async () => {
    const template = await createGroup({ name: 'base', is_proxy: false, availability_zone: 'a' });
    const groups = [
      { name: 'gate', count: 1, node_group_template_id: template.id, is_proxy: true },
      { name: 'rest', count: 2, node_group_template_id: template.id },
    ];
    const { id } = await createTemplate({ name: 'kept', node_groups: groups });
    const change = { is_proxy_gateway: false, availability_zone: 'b', name: 'base-renamed' };
    expect((await api.request('PATCH', `/v2/node-group-templates/${template.id}`, change)).status).toBe(202);
    const { body } = await api.request('GET', `/v2/cluster-templates/${id}`);
    expect(body.cluster_template.node_groups).toMatchObject([
      { name: 'gate', is_proxy: true, is_proxy_gateway: true, availability_zone: 'b' },
      { name: 'rest', is_proxy: false, is_proxy_gateway: false, availability_zone: 'b' },
    ]);
  });

  it('holds the node group templates it is built from', async () => {
    const template = await createGroup({ name: 'held' });
    const groups = [{ name: 'g', count: 1, node_group_template_id: template.id.replaceAll('-', '') }];
    const { id } = await createTemplate({ name: 'holder', node_groups: groups });
    const path = `/v2/node-group-templates/${template.id}`;
    const refused = await api.request('DELETE', path);
    expect(refused.body).toMatchObject({ error_code: 400, error_name: 'INVALID_REFERENCE' });
    expect(refused.body.error_message).toContain('in use by cluster templates: holder; and clusters: N/A');
    expect((await api.request('DELETE', `/v2/cluster-templates/${id}`)).status).toBe(204);
    expect((await api.request('DELETE', path)).status).toBe(204);
  });

  it.each([
    [
      'twice the same name',
      [{ name: 'x' }, { name: 'x' }],
      "Duplicates in node group names are detected: ['x']",
    ],
    [
      'a contradiction',
      [{ name: 'x', is_proxy: true, is_proxy_gateway: false }],
      'node_groups[0]: is_proxy is true',
    ],
    [
      'a negative count',
      [{ name: 'x', count: -1 }],
      'node_groups[0][count]: -1 is less than the minimum of 0',
    ],
    ['an unknown process', [{ name: 'x', node_processes: ['nix'] }], "following node processes: ['nix']"],
    [
      'a template whose id is empty',
      [{ name: 'x', node_group_template_id: '' }],
      "node_groups[0][node_group_template_id]: '' is too short",
    ],
  ])('with groups that have %s is refused', async (_, groups, text) => {
    const node_groups = groups.map((one) => ({
      count: 1,
      flavor_id: '2',
      node_processes: ['datanode'],
      ...one,
    }));
    const answer = await api.request('POST', '/v2/cluster-templates', {
      name: 'refused',
      plugin_name: 'fake',
      plugin_version: '0.1',
      node_groups,
    });
    expect(answer.status).toBe(400);
    expect(answer.body.error_message).toContain(text);
  });
});

describe('a list', () => {
  it('comes in pages that together are the whole, in any order of sorting', async () => {
    await Promise.all(Array.from({ length: 12 }, (_, index) => createGroup({ name: `page-${index}` })));
    const whole = await api.request('GET', '/v2/node-group-templates');
    expect(whole.body).not.toHaveProperty('markers');
    const ids = whole.body.node_group_templates.map((template: { id: string }) => template.id).sort();
    for (const sort of ['id', 'name', '-name', 'created_at', '-updated_at', 'plugin_version']) {
      const seen: string[] = [];
      const markers: string[] = [];
      for (let marker = ''; ; ) {
        const { body } = await api.request(
          'GET',
          `/v2/node-group-templates?limit=5&sort_by=${sort}${marker && `&marker=${marker}`}`,
        );
        seen.push(...body.node_group_templates.map((template: { id: string }) => template.id));
        expect(body.markers.prev).toBe(markers.at(-2) ?? null);
        if (body.markers.next === null) break;
        marker = body.markers.next;
        markers.push(marker);
      }
      expect([sort, seen.length, [...seen].sort()]).toEqual([sort, ids.length, ids]);
    }
  });

  it.each([
    ['limit=0', 400, "'limit' must be positive integer"],
    ['limit=ten', 400, "'limit' must be positive integer"],
    ['sort_by=flavor_id', 400, 'Unknown field for sorting flavor_id'],
    [
      'marker=00000000-0000-0000-0000-000000000000',
      404,
      "Object with {'id': '00000000-0000-0000-0000-000000000000'}",
    ],
    ['marker=zzz', 404, "Object with {'id': 'zzz'} not found"],
    ['name=%00', 400, 'NUL'],
    [
      'foo=1',
      400,
      "The only valid params for node_group_templates_list are ['plugin_name', 'plugin_version', 'name'] and " +
        "['marker', 'limit', 'sort_by']",
    ],
  ])('with ?%s is answered with %i', async (query, status, text) => {
    const answer = await api.request('GET', `/v2/node-group-templates?${query}`);
    expect(answer.status).toBe(status);
    expect(answer.body.error_message).toContain(text);
  });

  it('can be narrowed', async () => {
    await createGroup({ name: 'narrow' });
    const names = async (query: string) =>
      (await api.request('GET', `/v2/node-group-templates?${query}`)).body.node_group_templates.map(
        (template: { name: string }) => template.name,
      );
    expect(await names('name=narrow')).toEqual(['narrow']);
    expect(await names('plugin_version=9.9')).toEqual([]);
    expect(await names('hadoop_version=9.9')).toEqual([]);
  });
});

describe('the surroundings', () => {
  it.each([
    '/v2/plugins',
    '/v2/plugins.json',
    `/v2/${demo}/plugins`,
    `/v2/${demo}/plugins.json`,
    `/v2/${demo.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}/plugins`,
  ])('answer %s', async (path) => {
    const { status, body } = await api.request('GET', path);
    expect(status).toBe(200);
    const names = body.plugins.map((plugin: { name: string }) => plugin.name);
    expect(names).toEqual(expect.arrayContaining(['bare', 'fake']));
  });

  it('refuse the path of another project', async () => {
    for (const project of [other, 'default'])
      expect((await api.request('GET', `/v2/${project}/plugins`)).status).toBe(401);
  });

  it.each([
    ['data-processing 2.0', 200],
    ['data-processing latest', 200],
    ['compute 2.1', 200],
    ['compute 2.1, data-processing 2.0', 200],
    ['data-processing 2.9', 406],
    ['data-processing two', 400],
  ])('answer the version %s with %i', async (version, status) => {
    const answer = await api.request('GET', '/v2/plugins', undefined, { 'OpenStack-API-Version': version });
    expect(answer.status).toBe(status);
    const told = status === 406 ? '2.9' : '2.0';
    expect(answer.headers.get('openstack-api-version')).toBe(`data-processing ${told}`);
    if (status !== 200) expect(answer.body).toMatchObject({ min_version: '2.0', max_version: '2.0' });
  });

  it.each([
    ['not JSON', '{', 'application/json', 'MALFORMED_REQUEST_BODY'],
    ['a form', 'a=b', 'application/x-www-form-urlencoded', 'INVALID_DATA'],
    ['a list', '[]', 'application/json', 'VALIDATION_ERROR'],
    ['nothing', '', 'application/json', 'VALIDATION_ERROR'],
  ])('refuse %s as a body', async (_, body, type, name) => {
    const answer = await api.request('POST', '/v2/node-group-templates', body, { 'Content-Type': type });
    expect([answer.status, answer.body.error_name]).toEqual([400, name]);
  });

  it('offer a proxy process in every plugin', async () => {
    for (const path of ['/v2/plugins/bare/1.0', '/v2/plugins/fake/0.1']) {
      const { body } = await api.request('GET', path);
      expect(body.plugin.node_processes.proxy).toEqual(['proxy']);
    }
    expect((await api.request('GET', '/v2/plugins/nope')).body.error_message).toContain(
      "Object with {'plugin_name': 'nope'} not found",
    );
    expect((await api.request('PUT', '/v2/plugins')).status).toBe(405);
  });
});
