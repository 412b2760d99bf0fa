import { Type } from 'typebox';
import { startLabController } from '../openstack-lab/lab-controller.ts';
import { clientOf, furniture, labUser, things } from '../openstack-lab/project.ts';
import type { CrashCloud, Inventory } from './crash-cloud.ts';

const Made = Type.Object({ name: Type.String(), created: Type.String() });

/** The whole OpenStack of lab/openstack, inside the namespace of its controller's machine. */
export async function openLabCloud({ patience }: { readonly patience: number }): Promise<CrashCloud> {
  const openstack = clientOf(labUser('demo', 'demo'));
  const given = await furniture(openstack);

  async function inventory(): Promise<Inventory> {
    const [servers, ports, groups, rules, addresses, pairs, serverGroups] = await things(openstack);
    return {
      servers: servers.map(({ id, name, tags }) => `${id} ${name} [${tags}]`),
      ports: ports.map(({ id }) => id),
      security_groups: groups.map(({ id, name }) => `${id} ${name}`),
      security_group_rules: rules.map(({ id }) => id),
      // Its description is there before its tags are.
      floating_ips: addresses.map(
        ({ id, description = '' }) => `${id} ${description.replace(/, instance /, ' wadi-instance-')}`,
      ),
      keypairs: pairs.map(({ name }) => name),
      server_groups: serverGroups.map(({ id, name }) => `${id} ${name}`),
    };
  }

  return {
    patience,
    // Seven questions that cost the services much; what is made twice is there for longer.
    lookEvery: 15_000,
    async controller() {
      const wadi = await startLabController(openstack);
      const answer = await wadi.request('POST', `/v2/images/${given.image}`, { username: 'debian' });
      if (answer.status !== 202) throw new Error(`the image is not registered: ${JSON.stringify(answer)}`);
      return wadi;
    },
    successorOf: ({ controller: { data, databaseUrl } }) =>
      startLabController(openstack, {}, { data, database: { url: databaseUrl ?? '' } }),
    clusterBody(name, machines) {
      const group = { flavor_id: given.flavor };
      const proxy = { ...group, name: 'proxy', count: 1, node_processes: ['proxy'], is_proxy: true };
      const behind = { ...group, name: 'machine', count: machines, node_processes: ['machine'] };
      return {
        ...{ name, plugin_name: 'bare', plugin_version: '1.0', node_groups: [proxy, behind] },
        ...{ default_image_id: given.image, neutron_management_network: given.network },
      };
    },
    inventory,
    // Nova lists what was changed since a moment, also when it was deleted.
    async serversMadeSince(moment) {
      const servers = await openstack.service('compute').list('servers', Made, {
        path: ['servers', 'detail'],
        query: { 'changes-since': moment.toISOString() },
        microversion: { needed: '2.26', use: 'what was deleted' },
      });
      return servers
        .filter(({ created }) => Date.parse(created) >= Math.floor(moment.getTime() / 1000) * 1000)
        .map(({ name }) => name);
    },
    close: () => openstack.close(),
  };
}
