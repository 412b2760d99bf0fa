import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { ClientFolder } from './client-folder.ts';
import { OpenStack } from './openstack.ts';
import { endOpenStack } from './openstack-forks.ts';
import { endpoint, tokenCloud, type Version } from './speaker.ts';

/** Milliseconds; the machine may be busy with everything else. */
const timeout = 240_000;
const image = '5a4db0c5-0000-4000-8000-000000000001';

let open: Controller;
let closed: Controller;
let folder: ClientFolder;
beforeAll(async () => {
  open = await startController({ args: ['--sandbox', '--no-auth'] });
  closed = await startController({ args: ['--sandbox'] });
  folder = new ClientFolder({
    right: tokenCloud(endpoint(closed.url, '2'), closed.token),
    wrong: tokenCloud(endpoint(closed.url, '2'), 'wrong'),
  });
});
afterAll(async () => {
  await endOpenStack();
  await closed?.stop();
  await open?.stop();
});

function withoutToken({ url }: Controller, version: Version): OpenStack {
  return new OpenStack(folder, version, '--os-auth-type', 'none', '--os-endpoint', endpoint(url, version));
}

const unauthenticated = {
  ...{ code: 1, stdout: '' },
  stderr: expect.stringContaining('The request you have made requires authentication.'),
};

describe('without Keystone', { timeout }, () => {
  test.each(['1.1', '2'] as const)(
    '`--os-auth-type none` gets into v%s only with --no-auth',
    async (version) => {
      const plugins = await withoutToken(open, version).show('plugin list');
      expect(plugins).toContainEqual({ Name: 'bare', Versions: '1.0' });
      expect(await withoutToken(closed, version).run('plugin list')).toMatchObject(unauthenticated);
    },
  );

  test('a wrong token is told to be one', async () => {
    const wrong = new OpenStack(folder, '2', '--os-cloud', 'wrong');
    expect(await wrong.run('plugin list')).toMatchObject(unauthenticated);
  });
});

test('a flavor that there is not is told by its name', { timeout }, async () => {
  const command =
    'node group template create --name n --plugin bare --plugin-version 1.0 --processes machine';
  const { code, stderr } = await withoutToken(open, '2').run(`${command} --flavor 99`);
  expect([code, stderr.trim()]).toEqual([1, "No flavor with a name or ID of '99' exists."]);
});

/** Where commands fail although the service does what is right; most of them do so with Sahara too. */
describe('what the client cannot do', { timeout }, () => {
  const fails = async (command: string, version: Version = '2') => {
    const { code, stderr } = await withoutToken(open, version).run(command);
    expect([command, code]).toEqual([command, 1]);
    return stderr;
  };

  test('`image register` asks Glance for the id of an image, even if it is given the id', async () => {
    expect(await fails(`image register ${image} --username wadi`)).toMatch(/Client Error|version discovery/);
    const asked = { username: 'wadi' };
    expect((await open.request('POST', `/v2/images/${image}`, asked)).status).toBe(202);
  });

  test('`node group template import` sends its security groups as a text, which they are not', async () => {
    const gate =
      '--name gate --plugin bare --plugin-version 1.0 --flavor 1 --processes proxy --proxy-gateway';
    const openstack = withoutToken(open, '2');
    await openstack.show(`node group template create ${gate}`);
    await openstack.say('node group template export gate --file gate.json');
    const command = `node group template import gate.json --name copy --flavor_id 1 --image_id ${image}`;
    const refused = await fails(`${command} --security_groups default`);
    expect(refused).toContain("security_groups: 'default' is not of type 'array', 'null'");
  });

  test('`cluster template import` of node groups calls a function that the client does not have', async () => {
    const openstack = withoutToken(open, '2');
    await openstack.show('cluster template create --name field --node-groups gate:1');
    await openstack.say('cluster template export field --file field.json');
    const command = 'cluster template import field.json --name copy --node-groups gate:1';
    expect(await fails(command)).toContain('_cluster_templates_configure_ng_configure_node_groups');
  });

  test('the version of the API in a clouds.yaml is not read: v1.1 is spoken until an option says otherwise', async () => {
    const settings = {
      data_processing_api_version: '2',
      auth_type: 'none',
      auth: { endpoint: endpoint(open.url, '2') },
    };
    const configured = new ClientFolder({ wadi: settings });
    const list = 'node group template list';
    const v2 = new OpenStack(configured, '2', '--os-cloud', 'wadi');
    expect(await v2.show(list)).toMatchObject([{ Name: 'gate', 'Plugin version': '1.0' }]);
    const unsaid = new OpenStack(configured, null, '--os-cloud', 'wadi');
    expect(await unsaid.show(list)).toMatchObject([{ Name: 'gate', 'Plugin version': '' }]);
  });

  test('jobs and data sources are not offered here, and it says so', async () => {
    expect(await fails('data source list')).toContain('The requested URL was not found on the server');
  });
});
