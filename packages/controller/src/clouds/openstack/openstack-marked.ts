import type { OpenStack } from '@wadi/openstack';
import type { MarkedResource, MarkedResources, ResourceKind } from '../marked-resources.ts';
import type { Mark } from './names.ts';
import { ownThings } from './own-things.ts';
import { inProject, type ProjectClients } from './projects.ts';
import { type ReadMark, readMark, readServerGroupMark } from './read-mark.ts';
import { deleteAll } from './servers.ts';

/** What carries our marks in the projects that the controller may act for. */
export class OpenStackMarked implements MarkedResources {
  readonly installationId: string;
  readonly #projects: ProjectClients;

  constructor(projects: ProjectClients, { installationId }: Mark) {
    this.#projects = projects;
    this.installationId = installationId;
  }

  projects(): Promise<readonly string[]> {
    return this.#projects.projects();
  }

  list(projectId: string): Promise<readonly MarkedResource[]> {
    return inProject(this.#projects, projectId, listAll);
  }

  remove(projectId: string, { kind, id, clusterId, installationId }: MarkedResource): Promise<boolean> {
    return inProject(this.#projects, projectId, async (openstack) => {
      const now = await markNow(openstack, kind, id);
      if (now?.clusterId !== clusterId || now.installationId !== installationId) return false;
      await removals[kind](openstack, id);
      return true;
    });
  }
}

async function listAll(openstack: OpenStack): Promise<MarkedResource[]> {
  const servers = await openstack.servers.list();
  const floatingIps = await ownThings(openstack, await openstack.floatingIps.list());
  const serverGroups = await openstack.serverGroups.list();
  const securityGroups = await ownThings(openstack, await openstack.securityGroups.list());
  return [
    ...servers.map((each) => marked('server', each, readMark({ tags: each.tags }), each.created)),
    ...floatingIps.map((each) =>
      marked('floating_ip', { ...each, name: each.floating_ip_address }, readMark(each), each.created_at),
    ),
    ...serverGroups.map((each) => marked('server_group', each, readServerGroupMark(each.name))),
    ...securityGroups.map((each) => marked('security_group', each, readMark(each), each.created_at)),
  ].flat();
}

function marked(
  kind: ResourceKind,
  { id, name }: { readonly id: string; readonly name: string },
  mark: ReadMark | null,
  created?: string,
): MarkedResource[] {
  if (mark === null) return [];
  return [{ kind, id, name, ...mark, createdAt: created === undefined ? null : new Date(created) }];
}

async function markNow(openstack: OpenStack, kind: ResourceKind, id: string): Promise<ReadMark | null> {
  if (kind === 'server_group') {
    const group = await openstack.serverGroups.get(id);
    return group && readServerGroupMark(group.name);
  }
  if (kind === 'server') {
    const server = await openstack.servers.get(id);
    return server && readMark({ tags: server.tags });
  }
  const thing = await (kind === 'floating_ip' ? openstack.floatingIps : openstack.securityGroups).get(id);
  return thing && readMark(thing);
}

const removals: Readonly<Record<ResourceKind, (openstack: OpenStack, id: string) => Promise<void>>> = {
  server: (openstack, id) => deleteAll(openstack, [{ id }]),
  floating_ip: (openstack, id) => openstack.floatingIps.delete(id, { missingOk: true }),
  server_group: (openstack, id) => openstack.serverGroups.delete(id, { missingOk: true }),
  security_group: (openstack, id) => openstack.securityGroups.delete(id, { missingOk: true }),
};
