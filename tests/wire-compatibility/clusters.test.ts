import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demo, type Environment, openEnvironment, tokens } from './recorded-environment.ts';

let api: Environment;
beforeAll(async () => {
  api = await openEnvironment();
});
afterAll(() => api?.close());

const plugin = { plugin_name: 'fake', plugin_version: '0.1' };
const proxy = { name: 'gw', count: 1, flavor_id: '1', node_processes: ['proxy'], is_proxy: true };
const workers = { name: 'worker', count: 2, flavor_id: '2', node_processes: ['datanode'] };
const asBob = { 'X-Auth-Token': tokens.bob };

const post = (body: object) => api.request('POST', '/v2/clusters', { ...plugin, ...body });

async function create(fields: object) {
  const answer = await post({ node_groups: [proxy, workers], ...fields });
  expect([answer.status, answer.body.error_message]).toEqual([202, undefined]);
  return answer.body.cluster;
}

async function names(): Promise<string[]> {
  const { body } = await api.request('GET', '/v2/clusters');
  return body.clusters.map((cluster: { name: string }) => cluster.name);
}

describe('creating a cluster', () => {
  it('answers with every key of the contract', async () => {
    const cluster = await create({ name: 'whole', description: 'd' });
    expect(Object.keys(cluster)).toEqual([
      ...['created_at', 'updated_at', 'id', 'name', 'description', 'trust_id', 'is_transient', 'plugin_name'],
      ...['cluster_configs', 'default_image_id', 'neutron_management_network', 'anti_affinity'],
      ...['anti_affinity_ratio', 'management_public_key', 'user_keypair_id', 'status', 'status_description'],
      ...['info', 'use_autoconfig', 'cluster_template_id', 'shares', 'is_public', 'is_protected'],
      ...['domain_name', 'node_groups', 'provision_progress', 'plugin_version', 'project_id'],
    ]);
    expect(cluster).toMatchObject({ status: 'Validating', project_id: demo, anti_affinity: [] });
    expect(cluster.node_groups).toMatchObject([
      { name: 'gw', count: 1, is_proxy: true, is_proxy_gateway: true, instances: [] },
      { name: 'worker', count: 2, is_proxy: false, is_proxy_gateway: false, instances: [] },
    ]);
  });

  it('takes from its template what it does not say itself', async () => {
    const group = await api.request('POST', '/v2/node-group-templates', {
      ...plugin,
      name: 'worker-template',
      flavor_id: '2',
      node_processes: ['datanode'],
      availability_zone: 'a',
    });
    const { id } = group.body.node_group_template;
    const template = await api.request('POST', '/v2/cluster-templates', {
      ...plugin,
      name: 'template',
      description: 'from the template',
      cluster_configs: { general: { 'Timeout for disk preparing': 1 } },
      is_public: true,
      node_groups: [proxy, { name: 'w', count: 2, node_group_template_id: id, availability_zone: 'b' }],
    });
    const cluster = await create({
      name: 'from-template',
      node_groups: undefined,
      cluster_template_id: template.body.cluster_template.id,
      cluster_configs: { Kerberos: { 'Enable Kerberos Security': true } },
    });
    expect(cluster).toMatchObject({
      description: 'from the template',
      is_public: false,
      cluster_template_id: template.body.cluster_template.id,
      cluster_configs: {
        general: { 'Timeout for disk preparing': 1 },
        Kerberos: { 'Enable Kerberos Security': true },
      },
    });
    expect(cluster.node_groups[1]).toMatchObject({ availability_zone: 'b', node_group_template_id: id });

    const inUse = await api.request('PATCH', `/v2/node-group-templates/${id}`, { is_proxy: true });
    expect([inUse.status, inUse.body.error_name]).toEqual([400, 'UPDATE_FAILED']);
    const held = await api.request('DELETE', `/v2/node-group-templates/${id}`);
    expect(held.body.error_message).toContain('by cluster templates: template; and clusters: from-template');
    const path = `/v2/cluster-templates/${template.body.cluster_template.id}`;
    const update = await api.request('PATCH', path, { description: 'x' });
    expect([update.status, update.body.error_name]).toEqual([400, 'UPDATE_FAILED']);
    const removal = await api.request('DELETE', path);
    expect([removal.status, removal.body.error_name]).toEqual([400, 'INVALID_REFERENCE']);
  });

  it('makes several at once, all or none', async () => {
    const { status, body } = await post({ name: 'many', count: 2, node_groups: [proxy] });
    expect(status).toBe(202);
    expect(body.clusters.map((one: { cluster: { name: string } }) => one.cluster.name)).toEqual([
      'many-1',
      'many-2',
    ]);
    await create({ name: 'some-02' });
    const refused = await post({ name: 'some', count: 10, node_groups: [proxy] });
    expect(refused.body.error_name).toBe('NAME_ALREADY_EXISTS');
    const tooMany = await post({ name: 'quota', count: 6, node_groups: [proxy, workers] });
    expect(tooMany.body.error_name).toBe('QUOTA_ERROR');
    expect((await names()).filter((name) => /^(some|quota)-/.test(name))).toEqual(['some-02']);
  });

  it('of one name at once many times makes one', async () => {
    const body = { ...plugin, name: 'race', node_groups: [proxy] };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => api.request('POST', '/v2/clusters', body)),
    );
    const kinds = answers.map(({ status, body }) => `${status} ${body.error_name ?? ''}`);
    expect(kinds.filter((kind) => kind === '202 ')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === '400 NAME_ALREADY_EXISTS')).toHaveLength(49);
  });

  const long = 'a'.repeat(50);
  it.each<[string, object, string, string]>([
    [
      'a proxy group of no machines',
      { node_groups: [{ ...proxy, count: 0 }, workers] },
      'INVALID_DATA',
      'no proxy',
    ],
    [
      'more machines than one request may ask for',
      { count: 1000, node_groups: [proxy, { ...workers, count: 10 }] },
      'INVALID_DATA',
      '11000 machines are more than one request may add, which is 10000',
    ],
    [
      'contradicting flags',
      { node_groups: [{ ...proxy, is_proxy_gateway: false }] },
      'VALIDATION_ERROR',
      'node_groups[0]: is_proxy is true and is_proxy_gateway is false',
    ],
    [
      'a negative count',
      { node_groups: [{ ...proxy, count: -1 }] },
      'VALIDATION_ERROR',
      'node_groups[0][count]: -1',
    ],
    [
      'a bad name',
      { name: 'bad_name' },
      'VALIDATION_ERROR',
      "name: 'bad_name' is not a 'valid_name_hostname'",
    ],
    ['an unknown plugin', { plugin_name: 'nope' }, 'INVALID_REFERENCE', "plugin with name 'nope'"],
    ['an unknown version', { plugin_version: '9' }, 'INVALID_REFERENCE', "doesn't support version '9'"],
    [
      'an unknown template',
      { cluster_template_id: '00000000-0000-0000-0000-000000000000' },
      'NOT_FOUND',
      "Cluster template with id '00000000-0000-0000-0000-000000000000' not found",
    ],
    [
      'an unknown flavor',
      { node_groups: [{ ...proxy, flavor_id: '42' }] },
      'NOT_FOUND',
      "flavor '42' not found",
    ],
    [
      'too many machines',
      { node_groups: [{ ...proxy, count: 17 }] },
      'QUOTA_ERROR',
      'Requested 17, but available 16',
    ],
    ['too long host names', { name: long }, 'INVALID_DATA', `Composite hostname ${long}-gw-001.novalocal`],
    [
      'an unknown setting',
      { cluster_configs: { NOPE: { x: 1 } } },
      'INVALID_REFERENCE',
      "applicable target 'NOPE'",
    ],
    ['unknown anti-affinity', { anti_affinity: ['zzz'] }, 'INVALID_REFERENCE', "node processes: ['zzz']"],
    ['two groups of one name', { node_groups: [proxy, proxy] }, 'INVALID_DATA', "are detected: ['gw']"],
    ['a field nobody knows', { cloud: 'x' }, 'VALIDATION_ERROR', "('cloud' was unexpected)"],
    ['a count that is text', { count: '3' }, 'VALIDATION_ERROR', "count: '3' is not of type 'integer'"],
  ])('with %s is refused and leaves nothing behind', async (_, change, errorName, text) => {
    const before = await names();
    const answer = await post({ name: 'refused', node_groups: [proxy, workers], ...change });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error_code: 400, error_name: errorName });
    expect(answer.body.error_message).toContain(text);
    expect(answer.body.error_message).toContain(`\nError ID: ${answer.body.error_id}`);
    expect(await names()).toEqual(before);
  });
});

describe('a cluster', () => {
  it('shows its progress only when asked', async () => {
    const { id } = await create({ name: 'progress' });
    await api.settle();
    const step = { id: '0b9f2f8c-4f2c-4c46-9a51-111111111111', cluster_id: id };
    await api.db
      .insertInto('provision_step')
      .values({ ...step, step_name: 'Wait', step_type: 'Engine: create cluster', total: 1, successful: null })
      .execute();
    await api.db
      .insertInto('provision_event')
      .values({
        id: '0b9f2f8c-4f2c-4c46-9a51-222222222222',
        step_id: step.id,
        node_group_id: null,
        instance_id: null,
        instance_name: 'progress-gw-0',
        event_info: 'connection refused',
        successful: false,
      })
      .execute();
    const plain = await api.request('GET', `/v2/clusters/${id}`);
    expect(plain.body.cluster.provision_progress.at(-1)).toMatchObject({
      step_name: 'Wait',
      successful: null,
    });
    for (const each of plain.body.cluster.provision_progress) expect(each).not.toHaveProperty('events');
    const full = await api.request('GET', `/v2/clusters/${id}?show_progress=True`);
    expect(full.body.cluster.provision_progress.at(-1).events).toMatchObject([
      { instance_name: 'progress-gw-0', event_info: 'connection refused', successful: false },
    ]);
    const other = await api.request('GET', `/v2/clusters/${id}?limits=1`);
    expect(other.body.error_message).toBe(
      "The only valid params for clusters_get are ['show_progress'] and ['marker', 'limit', 'sort_by']",
    );
  });

  it('is updated in its words and rights, and in nothing else', async () => {
    const { id } = await create({ name: 'before' });
    const path = `/v2/clusters/${id}`;
    const { status, body } = await api.request('PATCH', path, {
      name: 'after',
      description: 'new',
      is_public: true,
      is_protected: true,
    });
    expect(status).toBe(202);
    expect(body.cluster).toMatchObject({ name: 'after', description: 'new', is_public: true });

    const refused = await api.request('PATCH', path, { description: 'x' });
    expect(refused.body.error_name).toBe('UPDATE_FAILED');
    expect(refused.body.error_message).toContain(
      `ClusterResource with id '${id}' could not be updated because it's marked as protected`,
    );
    expect((await api.request('DELETE', path)).body.error_name).toBe('DELETION_FAILED');
    expect((await api.request('GET', path, undefined, asBob)).status).toBe(200);
    expect((await api.request('PATCH', path, { name: 'b' }, asBob)).body.error_name).toBe('UPDATE_FAILED');
    expect((await api.request('PATCH', path, { node_groups: [] })).body.error_name).toBe('VALIDATION_ERROR');
    expect((await api.request('PATCH', path, { is_public: false })).status).toBe(202);
    expect((await api.request('GET', path, undefined, asBob)).status).toBe(404);
    expect((await api.request('PATCH', path, { is_protected: false, description: 'x' })).status).toBe(202);
  });

  it('cannot be verified before it is Active, and says so', async () => {
    const { id } = await create({ name: 'later' });
    const path = `/v2/clusters/${id}`;
    const verify = await api.request('PATCH', path, { verification: { status: 'START' } });
    expect([verify.status, verify.body.error_name]).toEqual([400, 'CANNOT_VERIFY']);
    expect(verify.body.error_message).toContain("Cluster is not active or doesn't exists");
    const stop = await api.request('PATCH', path, { verification: { status: 'STOP' } });
    expect(stop.body.error_message).toContain("verification[status]: 'STOP' is not one of ['START']");
  });

  it('is deleted once, also by force', async () => {
    const first = await create({ name: 'gone' });
    const second = await create({ name: 'gone-by-force' });
    const deleted = await api.request('DELETE', `/v2/clusters/${first.id}`);
    expect([deleted.status, deleted.body]).toEqual([204, null]);
    const forced = await api.request('DELETE', `/v2/clusters/${second.id}`, { force: true });
    expect([forced.status, forced.body]).toEqual([200, { stack_name: null }]);
    await api.settle();
    for (const { id } of [first, second]) {
      const answer = await api.request('GET', `/v2/clusters/${id}`);
      expect([answer.status, answer.body.error_code]).toEqual([404, 404]);
    }
    const bad = await create({ name: 'bad-body' });
    const answer = await api.request('DELETE', `/v2/clusters/${bad.id}`, { force: 'yes' });
    expect(answer.body.error_message).toContain("force: 'yes' is not of type 'boolean'");
  });
});
