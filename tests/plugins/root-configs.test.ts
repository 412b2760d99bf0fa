import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Controller, startController } from '../set-up/start-controller.ts';
import { settled } from './sandbox-cluster.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'wadi-plugins-'));
const text = `
name: rooted
title: Rooted
description: For tests.
labels: {}
versions:
  - version: '1'
    labels: {}
    processes: { rooted: [worker] }
    configs:
      - { name: Source, type: string, default: here, target: rooted, scope: cluster, needs_root: true }
      - { name: Key, type: string, secret: true, target: rooted, scope: cluster, needs_root: true }
      - { name: Size, type: int, default: 3, target: rooted, scope: node }
      - { name: Fast, type: bool, default: false, target: rooted, scope: node }
      - { name: Mode, type: enum, values: [safe, fast], default: safe, target: rooted, scope: node }
`;
const plugin = { plugin_name: 'rooted', plugin_version: '1' };
const elsewhere = { rooted: { Source: 'elsewhere' } };
const door = { name: 'door', count: 1, flavor_id: '1', node_processes: ['proxy'], is_proxy: true };
const worker = { name: 'worker', count: 1, flavor_id: '1', node_processes: ['worker'] };

let wadi: Controller;
/** A member's token of the project `default`, and one of another project. */
let member: string;
let stranger: string;

beforeAll(async () => {
  await mkdir(path.join(folder, 'rooted'), { recursive: true });
  await writeFile(path.join(folder, 'rooted', 'plugin.yaml'), text);
  wadi = await startController({ args: ['--sandbox', '--plugins', folder] });
  await wadi.request('POST', '/v2/projects', { id: 'elsewhere' });
  const tokenOf = async (project: string) => {
    const answer = await wadi.request('POST', '/v2/tokens', { name: project, project, role: 'member' });
    return answer.body.secret;
  };
  [member, stranger] = [await tokenOf('default'), await tokenOf('elsewhere')];
});
afterAll(async () => {
  await wadi?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function as(token: string, method: string, target: string, body?: object): Promise<Answer> {
  const response = await fetch(`${wadi.url}${target}`, {
    method,
    headers: { 'X-Auth-Token': token, 'Content-Type': 'application/json' },
    body: body ? JSON.stringify(body) : null,
  });
  const { status, headers } = response;
  return { status, headers, body: await response.json() };
}

function expectRefused({ status, body }: Answer, config = "'Source' of 'rooted'"): void {
  expect([status, body.error_name, body.error_message, body.hint]).toEqual([
    403,
    'FORBIDDEN',
    expect.stringContaining(`Config ${config} decides what is done as root`),
    expect.stringContaining("needs the right 'root'"),
  ]);
}

/** By an admin; the object under the answer's one key. */
async function made(kind: string, body: object): Promise<Answer['body']> {
  const answer = await wadi.request('POST', `/v2/${kind}`, { ...plugin, ...body });
  expect([answer.status, answer.body.error_message]).toEqual([202, undefined]);
  return Object.values(answer.body)[0];
}

const { count: _, ...template } = worker;
const identity = { identities: { key: { private_key: 'none' } }, trust_first_contact: true };
const machine = { name: 'm', address: '10.0.0.1', user: 'u', identity: 'key' };

describe('a config that decides what is done as root', () => {
  it.each([
    ['a node group template', 'node-group-templates', { ...template, node_configs: elsewhere }],
    ['a cluster template', 'cluster-templates', { cluster_configs: elsewhere }],
    [
      'a group of a cluster template',
      'cluster-templates',
      { node_groups: [{ ...worker, node_configs: elsewhere }] },
    ],
    ['a cluster', 'clusters', { cluster_configs: elsewhere, node_groups: [door, worker] }],
    [
      'a cluster as an empty text',
      'clusters',
      { cluster_configs: { rooted: { Source: '' } }, node_groups: [door] },
    ],
    ['a group of a cluster', 'clusters', { node_groups: [door, { ...worker, node_configs: elsewhere }] }],
    ['clusters', 'clusters', { count: 2, cluster_configs: elsewhere, node_groups: [door, worker] }],
    ['an import', 'clusters/import', { cluster_configs: elsewhere, ...identity, machines: [machine] }],
  ])('is not given to %s by a member without the right to be root', async (_, kind, body) => {
    expectRefused(await as(member, 'POST', `/v2/${kind}`, { ...plugin, name: 'refused', ...body }));
    const lists = ['node-group-templates', 'cluster-templates', 'clusters'];
    const there = await Promise.all(
      lists.map(async (list) => (await wadi.request('GET', `/v2/${list}`)).body),
    );
    expect(JSON.stringify(there)).not.toContain('refused');
  });

  it('is refused in the words and on the paths of v1.1 as well', async () => {
    const old = { name: 'refused', plugin_name: 'rooted', hadoop_version: '1', node_groups: [door, worker] };
    for (const [target, count] of [
      ['clusters', {}],
      ['clusters/multiple', { count: 2 }],
    ] as const) {
      const body = { ...old, ...count, cluster_configs: elsewhere };
      expectRefused(await as(member, 'POST', `/v1.1/default/${target}`, body));
    }
  });

  it('is refused when it is a secret, which has no default', async () => {
    const body = { name: 'refused', cluster_configs: { rooted: { Key: 'k' } }, node_groups: [door, worker] };
    expectRefused(await as(member, 'POST', '/v2/clusters', { ...plugin, ...body }), "'Key' of 'rooted'");
  });

  it("may have its default as anybody's choice", async () => {
    const body = { name: 'usual', node_configs: { rooted: { Source: 'here', Size: 5 } } };
    const usual = await as(member, 'POST', '/v2/node-group-templates', { ...plugin, ...template, ...body });
    expect([usual.status, usual.body.error_message]).toEqual([202, undefined]);
    const target = `/v2/node-group-templates/${usual.body.node_group_template.id}`;
    expectRefused(await as(member, 'PATCH', target, { node_configs: elsewhere }));
  });

  it('that somebody with the right put into a template is not used by a member without', async () => {
    const ours = await made('node-group-templates', { ...template, name: 'ours', node_configs: elsewhere });
    const byTemplate = { name: 'worker', count: 1, node_group_template_id: ours.id };
    // Naming the template is no value given: what counts is who makes machines of it.
    const named = await as(member, 'POST', '/v2/cluster-templates', {
      ...plugin,
      name: 'named',
      node_groups: [door, byTemplate],
    });
    expect(named.status).toBe(202);
    const { id } = named.body.cluster_template;
    expectRefused(await as(member, 'PATCH', `/v2/cluster-templates/${id}`, { cluster_configs: elsewhere }));
    const inGroup = { node_groups: [door, { ...worker, node_configs: elsewhere }] };
    expectRefused(await as(member, 'PATCH', `/v2/cluster-templates/${id}`, inGroup));
    for (const fields of [{ cluster_template_id: id }, { node_groups: [door, byTemplate] }])
      expectRefused(await as(member, 'POST', '/v2/clusters', { ...plugin, name: 'refused', ...fields }));
    // Back to the default, the member answers for nothing that is done as root.
    const overridden = { ...byTemplate, node_configs: { rooted: { Source: 'here' } } };
    const own = await as(member, 'POST', '/v2/clusters', {
      ...plugin,
      name: 'own',
      node_groups: [door, overridden],
    });
    expect(own.status).toBe(202);
    await settled(wadi, own.body.cluster.id);
    expectRefused(
      await as(member, 'PUT', `/v2/clusters/${own.body.cluster.id}`, {
        add_node_groups: [{ ...byTemplate, name: 'more' }],
      }),
    );
  });

  it('is not used by a member of another project whose template is public', async () => {
    const shared = await made('cluster-templates', {
      name: 'shared',
      is_public: true,
      cluster_configs: elsewhere,
      node_groups: [door, worker],
    });
    const body = { ...plugin, name: 'refused', cluster_template_id: shared.id };
    expectRefused(await as(stranger, 'POST', '/v2/clusters', body));
  });

  it('of a cluster that exists does not keep a member from scaling it, and goes with the right', async () => {
    const cluster = await made('clusters', {
      name: 'rooted',
      cluster_configs: elsewhere,
      node_groups: [door, worker],
    });
    expect((await settled(wadi, cluster.id)).status).toBe('Active');
    const scale = (body: object) => as(member, 'PUT', `/v2/clusters/${cluster.id}`, body);
    const added = { add_node_groups: [{ ...worker, name: 'added', node_configs: elsewhere }] };
    expectRefused(await scale(added));
    const grown = await scale({ resize_node_groups: [{ name: 'worker', count: 2 }] });
    expect(grown.status).toBe(202);
    await settled(wadi, cluster.id);

    await wadi.request('PATCH', '/v2/projects/default', { member_root: true });
    expect((await scale(added)).status).toBe(202);
    await settled(wadi, cluster.id);
    await wadi.request('PATCH', '/v2/projects/default', { member_root: false });
    expectRefused(
      await as(member, 'POST', '/v2/cluster-templates', {
        ...plugin,
        name: 'refused',
        cluster_configs: elsewhere,
      }),
    );
  });

  it('is told by the plugin', async () => {
    const needing = async (name: string, version: string) => {
      const { body } = await wadi.request('GET', `/v2/plugins/${name}/${version}`);
      const configs: { name: string; needs_root: boolean }[] = body.plugin.configs;
      return configs.flatMap((config) => (config.needs_root ? config.name : []));
    };
    expect(await needing('rooted', '1')).toEqual(['Source', 'Key']);
    expect(await needing('zookeeper', '3.8')).toEqual(['Package source']);
    for (const [name, version] of [
      ['web', '1.0'],
      ['spark', '3'],
    ] as const)
      expect(await needing(name, version)).toEqual([]);
  });
});

it.each([
  ['Size', '3\ndataDir=/', 'it is a whole number'],
  ['Size', true, 'it is a whole number'],
  ['Fast', 'perhaps', 'it is true or false'],
  ['Mode', 'slow', 'it is one of safe, fast'],
])('the config %s cannot be %j', async (name, value, hint) => {
  const node_configs = { rooted: { [name]: value } };
  const bodies = [
    ['node-group-templates', { ...template, node_configs }],
    ['cluster-templates', { cluster_configs: node_configs }],
    ['clusters', { node_groups: [door, { ...worker, node_configs }] }],
    ['clusters/import', { cluster_configs: node_configs, ...identity, machines: [machine] }],
  ] as const;
  for (const [kind, body] of bodies) {
    const answer = await wadi.request('POST', `/v2/${kind}`, { ...plugin, name: 'wrong', ...body });
    expect([answer.status, answer.body.error_name, answer.body.hint]).toEqual([400, 'INVALID_DATA', hint]);
    expect(answer.body.error_message).toContain(`Config '${name}' of 'rooted' has a value`);
  }
});
