import { describe, expect, test } from 'vitest';
import { expectMachines, untilAtRest } from '../provisioning/scaled-cluster.ts';
import { settle } from '../wire-compatibility/settled.ts';
import type { Speaker } from './speaker.ts';

/** Milliseconds; the machine may be busy with everything else. */
const timeout = 300_000;
const image = { id: '5a4db0c5-0000-4000-8000-000000000001', name: 'sandbox' };
const plugin = '--plugin bare --plugin-version 1.0';

/** One after the other, what somebody does with `openstack dataprocessing` from the first look to an empty project. */
export function session(open: () => Speaker): void {
  const show = (command: string) => open().openstack.show(command);
  const say = (command: string) => open().openstack.say(command);

  describe('a session', { timeout }, () => {
    test('begins with the plugins', async () => {
      expect(await show('plugin list')).toContainEqual({ Name: 'bare', Versions: '1.0' });
      const shown = { Name: 'bare', Title: 'Bare machines', 'Plugin: enabled': true };
      expect(await show('plugin show bare')).toMatchObject({ ...shown, Versions: '1.0' });
      expect(await show('plugin show bare --plugin-version 1.0')).toMatchObject({
        ...shown,
        'Required image tags': '',
        machine: 'machine',
        proxy: 'proxy',
      });
    });

    test('gives an image its user and its tags', async () => {
      // `image register NAME` asks Glance for the id, and there is none here.
      const named = { image_id: image.id, user_name: 'wadi', desc: 'of the session' };
      expect(await open().library.call('images.update_image', named)).toMatchObject({ image });
      const tagged = (tags: string) => ({
        ...{ Name: 'sandbox', Id: image.id, Status: 'ACTIVE', Username: 'wadi' },
        ...{ Description: 'of the session', Tags: tags },
      });
      expect(await show('image tags add sandbox --tags bare 1.0 x')).toEqual(tagged('1.0, bare, x'));
      expect(await show('image tags remove sandbox --tags x')).toEqual(tagged('1.0, bare'));
      expect(await show('image tags set sandbox --tags bare y')).toEqual(tagged('bare, y'));
      expect(await show('image show sandbox')).toEqual(tagged('bare, y'));
      expect(await show('image list --long --name sand --tags bare y')).toEqual([tagged('bare, y')]);
    });

    test('makes node group templates, one of them for proxies', async () => {
      const gateway = `--name gw ${plugin} --flavor 1 --processes proxy --proxy-gateway`;
      expect(await show(`node group template create ${gateway}`)).toMatchObject({
        ...{ Name: 'gw', 'Plugin name': 'bare', 'Plugin version': '1.0', 'Node processes': 'proxy' },
        ...{ 'Flavor id': '1', 'Is proxy gateway': true, 'Use autoconfig': false },
      });
      // A flavor by its name is looked for by id first, and then in the list.
      const workers = `--name wk ${plugin} --flavor sandbox-2 --processes machine --auto-security-group`;
      expect(await show(`node group template create ${workers}`)).toMatchObject({
        ...{ Name: 'wk', 'Flavor id': '2', 'Is proxy gateway': false, 'Auto security group': true },
      });
      // In v2 too it asks for `hadoop_version`.
      expect(await show(`node group template list --long ${plugin} --name g`)).toMatchObject([
        { Name: 'gw', 'Plugin name': 'bare', 'Plugin version': '1.0', 'Node processes': 'proxy' },
      ]);
      expect(await show('node group template show gw')).toMatchObject({ 'Is proxy gateway': true });
    });

    test('changes one', async () => {
      const update = 'node group template update gw';
      expect(await show(`${update} --proxy-gateway-disable`)).toMatchObject({ 'Is proxy gateway': false });
      expect(await show(`${update} --proxy-gateway-enable --description changed`)).toMatchObject({
        ...{ Name: 'gw', 'Is proxy gateway': true, Description: 'changed' },
      });
    });

    test('takes one out and in again', async () => {
      expect(await say('node group template export gw --file gw.json')).toBe('');
      const { node_group_template: exported } = open().folder.read('gw.json') as Exported;
      expect(exported).toMatchObject({ name: 'gw', flavor_id: '{flavor_id}', is_proxy_gateway: true });
      expect(exported).not.toHaveProperty('is_proxy');
      const where = `--flavor_id 2 --image_id ${image.id}`;
      expect(await show(`node group template import gw.json --name again ${where}`)).toMatchObject({
        ...{ Name: 'again', 'Flavor id': '2', 'Is proxy gateway': true, Description: 'changed' },
      });
    });

    test('makes a cluster template of them', async () => {
      const shown = { Name: 'ct', 'Node groups': 'gw:1, wk:1', 'Plugin version': '1.0', Description: 'x' };
      const groups = '--node-groups gw:1 wk:1';
      expect(await show(`cluster template create --name ct ${groups} --description x`)).toMatchObject(shown);
      expect(await show('cluster template show ct')).toMatchObject(shown);
    });

    test('makes a cluster, waits for it, and all machines answer through the one that can be reached', async () => {
      const create = `cluster create --name cl --cluster-template ct --image ${image.name}`;
      const shown = {
        ...{ Name: 'cl', Status: 'Active', 'Node groups': 'gw:1, wk:1', Image: image.id },
        ...{ 'Plugin name': 'bare', 'Plugin version': '1.0', 'Is transient': false },
      };
      const made = await show(`${create} --wait`);
      expect(made).toMatchObject(shown);
      await expectMachines(open().api, `/v2/clusters/${made.Id}`, ['cl-gw-0', 'cl-wk-0']);
      const { body } = await open().api.request('GET', '/v2/sandbox/machines');
      const reachable = body.machines
        .filter((machine: Machine) => machine.cluster_id === made.Id && machine.port !== null)
        .map(({ name }: Machine) => name);
      expect(reachable).toEqual(['cl-gw-0']);
      const listed = { Name: 'cl', Id: made.Id, Status: 'Active', Image: image.id, Description: 'x' };
      expect(await show(`cluster list --long ${plugin}`)).toContainEqual(expect.objectContaining(listed));
      expect(await show('cluster show cl --show-progress')).toMatchObject({
        ...shown,
        'Engine: create cluster: Run instances': 'Step completed successfully',
        'Engine: create cluster: Wait for instance accessibility': 'Step completed successfully',
      });
    });

    test('has it verified', async () => {
      // It is looked at when it has become Active, and never twice at a time.
      const before = await verification();
      const started = 'Cluster "cl" health verification has been started.';
      expect(await say('cluster verification cl --start')).toBe(started);
      expect((await verification()).id).not.toBe(before.id);
      expect(await show('cluster verification cl --show')).toEqual({
        'Verification status': 'GREEN',
        'Health check (check of instances accessibility)': 'GREEN',
        'Health check (check of proxies)': 'GREEN',
      });
    });

    test('scales it; a defect of the client makes one that waits end with 1 after it has succeeded', async () => {
      const { code, stdout, stderr } = await open().openstack.run('cluster scale cl --instances wk:3 --wait');
      expect(stdout).toContain('Cluster "cl" scaling has been started.');
      expect([code, stderr.trim()]).toEqual([1, "'Cluster' object has no attribute 'cluster'"]);
      const scaled = await show('cluster show cl');
      expect(scaled).toMatchObject({ Status: 'Active', 'Node groups': 'gw:1, wk:3' });
      const path = `/v2/clusters/${scaled.Id}`;
      await expectMachines(open().api, path, ['cl-gw-0', 'cl-wk-0', 'cl-wk-1', 'cl-wk-2']);
      const begun = await show('cluster scale cl --instances wk:2');
      expect(begun).toMatchObject({ Name: 'cl', Status: 'Validating' });
      await untilAtRest(open().api, path);
      await expectMachines(open().api, path, ['cl-gw-0', 'cl-wk-0', 'cl-wk-1']);
    });

    test('deletes it and waits until nothing is left', async () => {
      const lines = [
        'Cluster "cl" deletion has been started.',
        'Cluster "cl" has been removed successfully.',
      ];
      expect((await say('cluster delete cl --wait')).split('\n')).toEqual(lines);
      const { body } = await open().api.request('GET', '/v2/clusters');
      expect(body.clusters.filter(({ name }: { name: string }) => name === 'cl')).toEqual([]);
      expect(await say('cluster template delete ct')).toContain('removed successfully');
      expect(await say('node group template delete gw wk again')).toContain('removed successfully');
      await open().library.call('images.unregister_image', { image_id: image.id });
    });
  });

  async function verification(): Promise<{ id: string }> {
    const list = async () => (await open().api.request('GET', '/v2/clusters')).body.clusters;
    await settle(list, []);
    return (await list()).find(({ name }: { name: string }) => name === 'cl').verification;
  }
}

interface Exported {
  readonly node_group_template: Readonly<Record<string, unknown>>;
}

interface Machine {
  readonly name: string;
  readonly cluster_id: string;
  readonly port: number | null;
}
