import { loadCloud, OpenStack } from '@wadi/openstack';

/** What the environment of `lab/openstack/controller` says. */
export interface LabUser {
  readonly authUrl: string;
  readonly name: string;
  readonly password: string;
  readonly project: string;
}

const { OS_AUTH_URL = '', OS_PASSWORD = '' } = process.env;

/** The lab's users have one password, which every copy of the lab has. */
export function labUser(name: string, project: string): LabUser {
  if (OS_AUTH_URL === '') throw new Error('run this by lab/openstack/controller');
  return { authUrl: OS_AUTH_URL, name, password: OS_PASSWORD, project };
}

/** An entry of clouds.yaml. */
export function cloudOf({ authUrl, name, password, project }: LabUser) {
  const domains = { user_domain_name: 'Default', project_domain_name: 'Default' };
  const auth = { auth_url: authUrl, username: name, password, project_name: project, ...domains };
  return { region_name: 'RegionOne', auth };
}

/** Our own client, as this user. */
export function clientOf({ authUrl, name, password, project }: LabUser): OpenStack {
  const environment = {
    ...{ OS_AUTH_URL: authUrl, OS_USERNAME: name, OS_PASSWORD: password, OS_PROJECT_NAME: project },
    ...{ OS_USER_DOMAIN_NAME: 'Default', OS_PROJECT_DOMAIN_NAME: 'Default', OS_REGION_NAME: 'RegionOne' },
  };
  return new OpenStack(loadCloud({ environment }));
}

/** All that the project has: servers, ports, groups, rules, floating addresses, key pairs, server groups. */
export function things(openstack: OpenStack) {
  return Promise.all([
    openstack.servers.list(),
    openstack.ports.list(),
    openstack.securityGroups.list(),
    openstack.securityGroupRules.list(),
    openstack.floatingIps.list(),
    openstack.keypairs.list(),
    openstack.serverGroups.list(),
  ]);
}

/** All that the project has, a line each. */
export async function inventory(openstack: OpenStack): Promise<string[]> {
  const [servers, ports, groups, rules, addresses, pairs, serverGroups] = await things(openstack);
  return [
    ...servers.map(({ id, name }) => `server ${id} ${name}`),
    ...ports.map(({ id }) => `port ${id}`),
    ...groups.map(({ id, name }) => `security group ${id} ${name}`),
    ...rules.map(({ id }) => `rule ${id}`),
    ...addresses.map(({ id, floating_ip_address: address }) => `floating address ${id} ${address}`),
    ...pairs.map(({ name }) => `key pair ${name}`),
    ...serverGroups.map(({ id, name }) => `server group ${id} ${name}`),
  ].sort();
}

export interface Furniture {
  readonly image: string;
  readonly cloudInitImage: string;
  readonly network: string;
  readonly flavor: string;
  readonly largerFlavor: string;
}

/** Ids of what the lab comes with. */
export async function furniture(openstack: OpenStack): Promise<Furniture> {
  const one = <T extends { readonly id: string }>(what: string, found: readonly T[]): string => {
    if (found.length !== 1) throw new Error(`the lab has ${found.length} of ${what}`);
    return (found[0] as T).id;
  };
  const flavors = await openstack.offers.flavors();
  return {
    image: one('the image debian-lab', await openstack.images.list({ name: 'debian-lab' })),
    cloudInitImage: one(
      'the image debian-cloud-init',
      await openstack.images.list({ name: 'debian-cloud-init' }),
    ),
    network: one('the network private', await openstack.networks.list({ name: 'private' })),
    flavor: one(
      'lab.tiny',
      flavors.filter(({ name }) => name === 'lab.tiny'),
    ),
    largerFlavor: one(
      'lab.medium',
      flavors.filter(({ name }) => name === 'lab.medium'),
    ),
  };
}
