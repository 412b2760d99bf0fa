import { expect, test } from 'vitest';
import { expectMachines, untilAtRest } from '../provisioning/scaled-cluster.ts';
import type { Speaker } from './speaker.ts';

/** Milliseconds; the machine may be busy with everything else. */
const timeout = 120_000;
const image = '5a4db0c5-0000-4000-8000-000000000002';

/** What programs do with the library that the command line does not, from the plugins to the end of the clusters. */
export function libraryCalls(open: () => Speaker): void {
  const call = (method: string, named: object = {}) => open().library.call(method, named);
  const refusal = (method: string, named: object = {}) => open().library.refusal(method, named);
  const isNew = () => open().version === '2';
  const release = () => ({ plugin_name: 'bare', [isNew() ? 'plugin_version' : 'hadoop_version']: '1.0' });
  const groups: Record<string, string> = {};
  let clusters: string[] = [];

  test('plugins and their versions are objects, and an unknown one is 404', async () => {
    const names = (await call('plugins.list')).map(({ name }: { name: string }) => name);
    expect(names).toContain('bare');
    const details = await call('plugins.get_version_details', release());
    expect(details).toMatchObject({ name: 'bare', node_processes: { machine: ['machine'] } });
    const unknown = await refusal('plugins.get', { plugin_name: 'nope' });
    expect(unknown).toMatchObject({ code: 404, name: 'NOT_FOUND' });
    expect(unknown.message).toContain("{'plugin_name': 'nope'} not found");
  });

  test('images are registered, found by their tags and forgotten', async () => {
    const named = { image_id: image, user_name: 'wadi' };
    expect(await call('images.update_image', named)).toMatchObject({ image: { username: 'wadi', tags: [] } });
    await call('images.update_tags', { image_id: image, new_tags: ['some', 'more'] });
    await call('images.update_tags', { image_id: image, new_tags: ['some', 'less'] });
    const found = await call('images.list', { search_opts: { tags: ['less', 'some'] } });
    expect(found).toMatchObject([{ id: image, name: 'sandbox-minimal', status: 'ACTIVE' }]);
    expect(found[0].tags.toSorted()).toEqual(['less', 'some']);
    await call('images.unregister_image', { image_id: image });
    expect(await refusal('images.get', { id: image })).toMatchObject({
      ...{ code: 400, name: 'IMAGE_NOT_REGISTERED' },
    });
  });

  test('templates are made, and read page by page', async () => {
    for (const [name, node_processes] of [
      ['door', ['proxy']],
      ['hall', ['machine']],
      ['room', ['machine']],
    ] as const) {
      const is_proxy_gateway = name === 'door';
      const named = { name, ...release(), flavor_id: '1', node_processes, is_proxy_gateway };
      const made = await call('node_group_templates.create', named);
      expect(made).toMatchObject({ ...named, is_proxy: is_proxy_gateway });
      groups[name] = made.id;
    }
    const bad = { name: 'bad', ...release(), flavor_id: '99', node_processes: ['machine'] };
    expect(await refusal('node_group_templates.create', bad)).toMatchObject({ code: 400, name: 'NOT_FOUND' });
    const read: string[] = [];
    for (let marker: string | null | undefined; marker !== null; ) {
      const page = await call('node_group_templates.list', { sort_by: 'name', limit: 2, marker });
      read.push(...page.items.map(({ name }: { name: string }) => name));
      marker = page.next;
    }
    expect(read).toEqual(['door', 'hall', 'room']);
  });

  test('several clusters are made of one template at once', { timeout }, async () => {
    const node_groups = [
      { name: 'door', count: 1, node_group_template_id: groups.door },
      { name: 'hall', count: 2, node_group_template_id: groups.hall },
    ];
    const template = await call('cluster_templates.create', { name: 'house', ...release(), node_groups });
    const { cluster_template: exported } = await call('cluster_templates.export', {
      cluster_template_id: template.id,
    });
    expect(exported).toMatchObject({ name: 'house', node_groups: '{node_groups}', ...release() });
    const made = await call('clusters.create', {
      ...{ name: 'house', ...release(), cluster_template_id: template.id, count: 2 },
    });
    clusters = isNew()
      ? made.clusters.map(({ cluster }: { cluster: { id: string } }) => cluster.id)
      : made.clusters;
    expect(clusters).toHaveLength(2);
    for (const [index, id] of clusters.entries()) {
      await untilAtRest(open().api, `/v2/clusters/${id}`);
      const machines = ['door-0', 'hall-0', 'hall-1'].map((name) => `house-${index + 1}-${name}`);
      await expectMachines(open().api, `/v2/clusters/${id}`, machines);
    }
  });

  test('a cluster tells its steps with their events only to those who ask', async () => {
    const [cluster_id] = clusters;
    const steps = async (show_progress: boolean) =>
      (await call('clusters.get', { cluster_id, show_progress })).provision_progress;
    for (const step of await steps(true)) expect(step).toMatchObject({ successful: true, events: [] });
    for (const step of await steps(false)) expect(step).not.toHaveProperty('events');
  });

  test('one that is protected stays', async () => {
    const [cluster_id] = clusters;
    const { cluster } = await call('clusters.update', {
      cluster_id,
      description: 'kept',
      is_protected: true,
    });
    expect(cluster).toMatchObject({ description: 'kept', is_protected: true });
    expect(await refusal('clusters.delete', { cluster_id })).toMatchObject({
      code: 400,
      name: 'DELETION_FAILED',
    });
    await call('clusters.update', { cluster_id, is_protected: false });
  });

  test('a cluster is scaled by a group that it had, and by one that it had not', { timeout }, async () => {
    const [cluster_id] = clusters;
    const scale_object = {
      // Only v2 may say which.
      resize_node_groups: [{ name: 'hall', count: 1, ...(isNew() && { instances: ['house-1-hall-0'] }) }],
      add_node_groups: [{ name: 'room', count: 1, node_group_template_id: groups.room }],
    };
    const { cluster } = await call('clusters.scale', { cluster_id, scale_object });
    expect(cluster.status).toBe('Validating');
    const path = `/v2/clusters/${cluster_id}`;
    await untilAtRest(open().api, path);
    const left = isNew() ? 'house-1-hall-1' : 'house-1-hall-0';
    await expectMachines(open().api, path, ['house-1-door-0', left, 'house-1-room-0']);
  });

  test('clusters are gone some time after they were deleted, and are 404 then', { timeout }, async () => {
    const [first, second] = clusters;
    expect(await call('clusters.delete', { cluster_id: first })).toBe(null);
    if (isNew())
      expect(await call('clusters.force_delete', { cluster_id: second })).toEqual({ stack_name: null });
    else await call('clusters.delete', { cluster_id: second });
    while ((await call('clusters.list')).items.length > 0);
    for (const cluster_id of clusters)
      expect(await refusal('clusters.get', { cluster_id })).toMatchObject({ code: 404, name: 'NOT_FOUND' });
  });
}
