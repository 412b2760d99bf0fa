import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCluster, door } from '../provisioning/scaled-cluster.ts';
import { type Keystone, startKeystone } from '../set-up/keystone.ts';
import { type Controller, newDataDirectory, requests, startController } from '../set-up/start-controller.ts';
import { ClientFolder } from './client-folder.ts';
import { Library } from './library.ts';
import { libraryCalls } from './library-calls.ts';
import { OpenStack } from './openstack.ts';
import { endOpenStack } from './openstack-forks.ts';
import { session } from './session.ts';
import { endpoint, type Speaker, tokenCloud, type Version } from './speaker.ts';

/** Milliseconds; the machine may be busy with everything else. */
const patience = 600_000;
const versions = ['1.1', '2'] as const;

let keystone: Keystone;
let controller: Controller;
let folder: ClientFolder;
const speakers: Speaker[] = [];

beforeAll(async () => {
  keystone = await startKeystone();
  const data = newDataDirectory();
  const credential = keystone.credentialFile(path.join(data, '..', 'keystone.yaml'));
  const args = ['--sandbox', '--auth', 'keystone', '--keystone-url', keystone.url];
  controller = await startController({ data, args: [...args, '--keystone-credential', credential] });
  const { url } = controller;
  await keystone.addService('data-processing', `${url}/v1.1/%(project_id)s`);
  // A node group template begins with Nova's flavor; a cluster with a look at Neutron, whether or not a network is named.
  for (const type of ['compute', 'network']) await keystone.addService(type, `${url}/v2`);
  folder = new ClientFolder({
    ...Object.fromEntries(Object.entries(keystone.users).map(([name, user]) => [name, cloud(name, user)])),
    ...Object.fromEntries(versions.map((version) => [`wrong-${version}`, tokenCloud(at(version), 'wrong')])),
  });
  const api = requests(url, await keystone.logIn('member'));
  for (const version of versions) {
    const library = new Library(folder, version, 'member', at(version));
    speakers.push({ version, folder, library, api, openstack: openstack('member', version) });
  }
}, patience);

afterAll(async () => {
  for (const { library } of speakers) await library.close();
  await endOpenStack();
  await controller?.stop();
  await keystone?.stop();
});

function cloud(username: string, { password, project }: Keystone['users'][string]): object {
  const domains = { user_domain_id: 'default', project_domain_id: 'default' };
  const auth = { auth_url: keystone.url, username, password, project_name: project, ...domains };
  return { region_name: 'lab', auth };
}

function at(version: Version): string {
  return endpoint(controller.url, version, keystone.projects.demo);
}

/** The catalog has v1.1's address, as it is with Sahara; v2's is given by hand. */
function openstack(name: string, version: Version): OpenStack {
  const elsewhere = version === '2' ? ['--os-data-processing-url', at('2')] : [];
  return new OpenStack(folder, version, '--os-cloud', name, ...elsewhere);
}

const of = (version: Version) => speakers.find((speaker) => speaker.version === version) as Speaker;

describe('`openstack dataprocessing` with Keystone, found in its catalog, v1.1', () =>
  session(() => of('1.1')));
// A minute of processor time more; without Keystone it is in every run (version-2.test.ts).
describe.runIf(process.env.WADI_OPENSTACK_SESSIONS === 'all')(
  '`openstack dataprocessing` with Keystone, v2',
  () => session(() => of('2')),
);
describe('python-saharaclient with Keystone, v2', () => libraryCalls(() => of('2')));

describe.each(versions)('with Keystone, v%s', { timeout: patience }, (version) => {
  /** What a command says that must fail. */
  async function failure(name: string, command: string): Promise<string> {
    const { code, stdout, stderr } = await openstack(name, version).run(command);
    expect([code, stdout]).toEqual([1, '']);
    return stderr;
  }

  async function refusal(name: string, url: string, method: string, named: object) {
    const library = new Library(folder, version, name, url);
    const refused = await library.refusal(method, named);
    await library.close();
    return refused;
  }

  test('a wrong token is 401', async () => {
    const name = `wrong-${version}`;
    const said = await openstack(name, version).run('plugin list');
    expect(said).toMatchObject({ code: 1, stdout: '' });
    expect(said.stderr).toContain('The request you have made requires authentication.');
    const refused = await refusal(name, at(version), 'plugins.list', {});
    expect(refused).toMatchObject({ code: 401, name: 'UNAUTHORIZED' });
  });

  test("another project's cluster is 404", async () => {
    const created = await createCluster(of(version).api, `kept-${version === '2' ? 'b' : 'a'}`, [door(1)]);
    const cluster_id = created.split('/').at(-1);
    const shown = await of(version).openstack.show(`cluster show ${cluster_id}`);
    expect(shown).toMatchObject({ Id: cluster_id, Status: 'Active' });
    expect(await failure('stranger', `cluster show ${cluster_id}`)).toContain(
      `{'id': '${cluster_id}'} not found`,
    );
    const theirs = endpoint(controller.url, version, keystone.projects.other);
    const refused = await refusal('stranger', theirs, 'clusters.get', { cluster_id });
    expect(refused).toMatchObject({ code: 404, name: 'NOT_FOUND' });
  });

  test("a member's change of a plugin is 403", async () => {
    const labels = { plugin_labels: { hidden: { status: false } } };
    folder.write('labels.json', labels);
    const command = 'plugin update bare labels.json';
    expect(await failure('member', command)).toContain('You are not authorized to complete this action');
    expect(await openstack('admin', version).show(command)).toMatchObject({ 'Plugin: hidden': false });
    const named = { plugin_name: 'bare', values: labels };
    const refused = await of(version).library.refusal('plugins.update', named);
    expect(refused).toMatchObject({ code: 403, name: 'FORBIDDEN' });
  });
});
