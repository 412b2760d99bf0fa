import { afterAll, beforeAll, expect, it } from 'vitest';
import { demo, type Environment, openEnvironment } from './recorded-environment.ts';

let api: Environment;
beforeAll(async () => {
  api = await openEnvironment();
});
afterAll(() => api?.close());

const template = { name: 'one', plugin_name: 'bare', hadoop_version: '1.0', flavor_id: '2' };
const processes = { node_processes: ['machine'] };
const base = `/v1.1/${demo}`;

it('v1.1 has its own names, and its keys stand where Sahara has them', async () => {
  const made = await api.request('POST', `${base}/node-group-templates`, { ...template, ...processes });
  expect(made.status).toBe(202);
  expect(made.headers.has('OpenStack-API-Version')).toBe(false);
  const keys = Object.keys(made.body.node_group_template);
  expect(keys.slice(4, 7)).toEqual(['description', 'tenant_id', 'flavor_id']);
  expect(keys.slice(8, 10)).toEqual(['plugin_name', 'hadoop_version']);
  expect(keys).not.toContain('plugin_version');
  expect(made.body.node_group_template.boot_from_volume).toBe(false);

  const { id } = made.body.node_group_template;
  const exported = await api.request('GET', `${base}/node-group-templates/${id}/export`);
  expect(Object.keys(exported.body.node_group_template).filter((key) => key.startsWith('boot'))).toEqual([]);
  const copy = { ...exported.body.node_group_template, name: 'copy', flavor_id: '2', image_id: null };
  const imported = { ...copy, security_groups: null, floating_ip_pool: null, shares: [], volumes_size: 1 };
  expect((await api.request('POST', `${base}/node-group-templates`, imported)).status).toBe(202);
});

it('v1.1 updates templates with PUT, v2 with PATCH', async () => {
  const { body } = await api.request('GET', `${base}/node-group-templates?name=one`);
  const path = `node-group-templates/${body.node_group_templates[0].id}`;
  expect((await api.request('PUT', `${base}/${path}`, { description: 'a' })).status).toBe(202);
  expect((await api.request('PATCH', `${base}/${path}`, { description: 'b' })).status).toBe(405);
  expect((await api.request('PUT', `/v2/${path}`, { description: 'c' })).status).toBe(405);
});

it.each([
  [{ plugin_version: '1.0' }, "Additional properties are not allowed ('plugin_version' was unexpected)"],
  [{ boot_from_volume: true }, "Additional properties are not allowed ('boot_from_volume' was unexpected)"],
  [{ hadoop_version: undefined }, "'hadoop_version' is a required property"],
])('v1.1 refuses a template with %j', async (fields, text) => {
  const body = { ...template, ...processes, name: 'two', ...fields };
  const answer = await api.request('POST', `${base}/node-group-templates`, body);
  expect([answer.status, answer.body.error_name]).toEqual([400, 'VALIDATION_ERROR']);
  expect(answer.body.error_message).toContain(text);
});

it('v1.1 filters by every field and refuses those that there are not', async () => {
  const names = async (query: string) => {
    const answer = await api.request('GET', `${base}/node-group-templates?${query}`);
    return answer.body.node_group_templates?.map((one: { name: string }) => one.name) ?? answer.status;
  };
  await api.request('POST', `${base}/node-group-templates`, {
    ...template,
    ...processes,
    name: 'gate',
    flavor_id: '1',
    is_proxy_gateway: true,
  });
  expect(await names('is_proxy_gateway=1')).toEqual(['gate']);
  expect(await names('is_proxy_gateway=0&name=one')).toEqual(['one']);
  expect(await names('flavor_id=1')).toEqual(['gate']);
  expect(await names(`tenant_id=${demo}&plugin_name=bare&hadoop_version=1.0&name=gate`)).toEqual(['gate']);
  expect(await names('volume_mount_prefix=/volumes/disk&name=gate')).toEqual(['gate']);
  expect(await names('created_at=2000-01-01T00:00:00')).toEqual([]);
  expect(await names('nonsense=1')).toBe(400);
});

it('v1.1 makes several clusters by a path of its own and answers their ids', async () => {
  const group = { name: 'g', count: 1, flavor_id: '2', ...processes };
  const cluster = { name: 'many', plugin_name: 'bare', hadoop_version: '1.0', node_groups: [group] };
  const refused = await api.request('POST', `${base}/clusters`, { ...cluster, count: 2 });
  expect(refused.body.error_message).toContain("('count' was unexpected)");
  const made = await api.request('POST', `${base}/clusters/multiple`, { ...cluster, count: 2 });
  expect(made.status).toBe(202);
  expect(made.body.clusters).toHaveLength(2);
  await api.settle();
  for (const [index, id] of made.body.clusters.entries()) {
    const { body } = await api.request('GET', `${base}/clusters/${id}?show_progress=True`);
    expect([body.cluster.name, body.cluster.tenant_id]).toEqual([`many-${index + 1}`, demo]);
    expect(body.cluster.provision_progress[0].tenant_id).toBe(demo);
    expect((await api.request('DELETE', `${base}/clusters/${id}`)).status).toBe(204);
  }
  await api.settle();
});

it('v1.1 refuses several clusters in its own words', async () => {
  const cluster = { name: 'never', plugin_name: 'bare', hadoop_version: '9.9', count: 2 };
  const refused = await api.request('POST', `${base}/clusters/multiple`, cluster);
  expect([refused.status, refused.body.fields]).toEqual([400, ['hadoop_version']]);
});

it('what is left of EDP is not found, in the shape of the router', async () => {
  for (const path of [`${base}/job-executions`, '/v2/data-sources', '/v1.0/jobs'])
    expect((await api.request('GET', path)).body.error).toBe(404);
});

it('a version alone names nothing', async () => {
  expect((await api.request('GET', '/v1.1')).body).toMatchObject({ code: '404 Not Found' });
});
