import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenStack, Server } from '@wadi/openstack';
import type { Database } from '../../storage/database.ts';
import type {
  Asking,
  Cloud,
  CloudImage,
  CloudInstance,
  ClusterPlan,
  ClusterReference,
  Flavor,
  InstanceReference,
  InstanceRequest,
  Network,
  NetworkFacts,
  Power,
  Problem,
} from '../cloud.ts';
import { cloudError } from './cloud-error.ts';
import { readClusterNetwork } from './cluster-network.ts';
import { type EntranceSettings, isDialled, letsIn, needsFloatingIp, poolOf, sourcesOf } from './entrance.ts';
import { findProblems } from './find-problems.ts';
import { deleteFloatingIp, deleteFloatingIps, ensureFloatingIp } from './floating-ips.ts';
import { JointWork } from './joint-work.ts';
import { instanceDescription, type Mark, promotionDescription } from './names.ts';
import { OpenRequests, type Requesting } from './open-requests.ts';
import { OpenStackMarked } from './openstack-marked.ts';
import { inProject, type ProjectClients } from './projects.ts';
import { giveWayIn, takeWayIn } from './promotion.ts';
import { readQuotas } from './quotas.ts';
import { type ClusterGroups, deleteGroups, ensureGroups } from './security-groups.ts';
import { deleteServerGroups, ensureServerGroup, isApart } from './server-groups.ts';
import {
  deleteServers,
  deleteServersOf,
  ensureServer,
  findServer,
  givenHostKey,
  hasConsole,
  hostKeysOf,
  hostKeysToldBy,
  type ServerDetails,
} from './servers.ts';
import { type UserDataKind, userData } from './user-data.ts';

const sshPort = 22;
/** Milliseconds until it is looked again for what may still come of a cluster that goes. */
const lookAgain = 2_000;

interface Place {
  readonly network: Awaited<ReturnType<typeof readClusterNetwork>>;
  readonly user: string;
}

/** Machines are Nova's, addresses and groups Neutron's. Whatever is made carries the cluster's id, and is found by it. */
export class OpenStackCloud implements Cloud {
  readonly name = 'openstack';
  readonly requires = ['image', 'network'] as const;
  readonly attachesVolumes = true;
  readonly marked: OpenStackMarked;
  readonly #projects: ProjectClients;
  readonly #settings: EntranceSettings & Mark & Requesting;
  /** Projects whose machines show no consoles, as far as was seen. */
  readonly #withoutConsole = new Set<string>();
  readonly #groups = new JointWork<ClusterGroups>();
  readonly #serverGroups = new JointWork<string>();

  constructor(projects: ProjectClients, settings: EntranceSettings & Mark & { readonly db: Database }) {
    this.#projects = projects;
    this.#settings = { ...settings, openRequests: new OpenRequests(settings.db) };
    this.marked = new OpenStackMarked(projects, settings);
  }

  validate(plan: ClusterPlan): Promise<readonly Problem[]> {
    return inProject(this.#projects, plan.projectId, (openstack) =>
      findProblems(openstack, plan, this.#settings),
    );
  }

  findNetworkFacts({ projectId, networkId }: ClusterPlan): Promise<NetworkFacts> {
    return inProject(this.#projects, projectId, async (openstack) => {
      const { project } = await openstack.identity();
      const network = networkId === null ? null : await readClusterNetwork(openstack, networkId);
      return {
        ...(project ? { tenant_id: project.id } : {}),
        ...(network ? { network_id: network.id } : {}),
        ...(network?.router ? { router_id: network.router.id } : {}),
      };
    });
  }

  findOrCreateInstance(request: InstanceRequest, signal?: AbortSignal): Promise<CloudInstance> {
    return inProject(this.#projects, request.projectId, async (openstack) => {
      const { plan, nodeGroup, loginUser } = request;
      if (plan.networkId === null) throw new Error('nobody named the network that the machine is to be on');
      const network = await readClusterNetwork(openstack, plan.networkId, signal);
      if (!network) throw new Error(`network ${plan.networkId} is gone`);
      const user = loginUser ?? 'root';
      const server = await this.#ensureKnown(openstack, request, { network, user }, signal);
      const ports = await openstack.ports.list({ device_id: server.id }, { signal });
      const port = ports.find(({ network_id }) => network_id === network.id);
      const internalIp = port?.fixed_ips[0]?.ip_address;
      if (!port || internalIp === undefined)
        throw new Error(`server ${server.id} has no address in network ${network.id}`);
      const pool = needsFloatingIp(plan, nodeGroup) ? poolOf(nodeGroup, this.#settings, network) : null;
      const floatingIp =
        pool === null
          ? null
          : await ensureFloatingIp(openstack, { ...this.#marked(request), pool, port: port.id }, signal);
      const dialled = isDialled(plan, nodeGroup) ? internalIp : null;
      const pinned = request.hostKeys.length > 0;
      const given = givenHostKey(server);
      const told = async () => (given ? [given] : await hostKeysOf(openstack, server.id, signal));
      return {
        cloudInstanceId: server.id,
        internalIp,
        floatingIp,
        managementIp: plan.accessMethod === 'floating_ip' ? floatingIp : dialled,
        sshPort,
        managementPort: null,
        loginUser: user,
        hostKeys: pinned ? request.hostKeys : await told(),
        hostKeySource: given ? 'injected' : 'cloud',
        credentialSecretId: null,
      };
    });
  }

  /**
   * A server that tells its host keys on its console. Where the cloud shows no consoles, which nobody can know before there is a
   * server, that one is replaced by one that is given its host key.
   */
  async #ensureKnown(
    openstack: OpenStack,
    request: InstanceRequest,
    place: Place,
    signal: AbortSignal | undefined,
  ): Promise<Server> {
    const { projectId, instanceId, hostKeys } = request;
    const ensure = () =>
      ensureServer(
        openstack,
        this.#marked(request),
        () => this.#details(openstack, request, place, signal),
        signal,
      );
    const server = await ensure();
    if (hostKeys.length > 0 || givenHostKey(server) || (await hasConsole(openstack, server.id, signal)))
      return server;
    this.#withoutConsole.add(projectId);
    await deleteServersOf(openstack, instanceId);
    return await ensure();
  }

  async #details(
    openstack: OpenStack,
    request: InstanceRequest,
    { network, user }: Place,
    signal: AbortSignal | undefined,
  ): Promise<ServerDetails> {
    const { plan, nodeGroup } = request;
    const sources = sourcesOf(plan, this.#settings, network);
    const { inside, door } = await this.#groups.run(plan.clusterId, () =>
      ensureGroups(openstack, this.#marked(plan), sources),
    );
    const image = await openstack.images.get(nodeGroup.imageId ?? '', { signal });
    if (!image) throw new Error(`image ${nodeGroup.imageId} is gone`);
    const kind: UserDataKind = image.wadi_user_data === 'script' ? 'script' : 'cloud-config';
    const authorizedKeys = [request.authorizedKey, ...(plan.userKey === null ? [] : [plan.userKey])];
    const flavor = nodeGroup.bootVolume
      ? await openstack.offers.flavor(nodeGroup.flavorId, { signal })
      : null;
    const host = this.#withoutConsole.has(request.projectId) ? await request.hostIdentity() : null;
    return this.#marked({
      hostKey: host?.publicKey ?? null,
      networkId: plan.networkId ?? '',
      securityGroups: [inside, ...(letsIn(plan, nodeGroup) ? [door] : []), ...nodeGroup.securityGroups],
      userData: userData(kind, {
        ...{ loginUser: user, authorizedKeys, hostKey: host },
        command: (await request.inviteAgent?.()) ?? null,
      }),
      serverGroup: isApart(plan, nodeGroup)
        ? await this.#serverGroups.run(plan.clusterId, () => ensureServerGroup(openstack, this.#marked(plan)))
        : null,
      bootDisk: Math.max(flavor?.disk ?? 0, image.min_disk, 1),
    });
  }

  #marked<T extends object>(wanted: T): T & Mark & Requesting {
    const { installationId, openRequests } = this.#settings;
    return { ...wanted, installationId, openRequests };
  }

  deleteInstance(reference: InstanceReference): Promise<void> {
    return inProject(this.#projects, reference.projectId, async (openstack) => {
      const { clusterId, instanceId } = reference;
      await deleteServersOf(openstack, instanceId);
      await deleteFloatingIp(openstack, instanceDescription(clusterId, instanceId));
      await deleteFloatingIp(openstack, promotionDescription(clusterId, instanceId));
    });
  }

  deleteCluster(cluster: ClusterReference): Promise<void> {
    return inProject(this.#projects, cluster.projectId, async (openstack) => {
      const { openRequests } = this.#settings;
      for (;;) {
        const servers = await deleteServers(openstack, cluster);
        await deleteFloatingIps(openstack, cluster);
        await deleteServerGroups(openstack, cluster);
        const groups = await deleteGroups(openstack, cluster);
        for (const what of [...servers, ...groups]) await openRequests.heard(cluster.clusterId, what);
        // Of a controller that died before it heard the answer.
        const mayCome = await openRequests.mayCome(cluster.clusterId);
        if (mayCome === 0) break;
        await sleep(Math.min(mayCome, lookAgain));
      }
      await openRequests.heard(cluster.clusterId);
    });
  }

  removeStrangers(cluster: ClusterReference, known: readonly string[]): Promise<void> {
    return inProject(this.#projects, cluster.projectId, async (openstack) => {
      await deleteServers(openstack, cluster, known);
    });
  }

  /** Also of a server that is not ours. */
  hostKeysOf({ projectId, cloudInstanceId }: InstanceReference): Promise<readonly string[]> {
    return inProject(this.#projects, projectId, async (openstack) =>
      cloudInstanceId === null ? [] : await hostKeysToldBy(openstack, cloudInstanceId),
    );
  }

  powerOf({ projectId, instanceId }: InstanceReference): Promise<Power> {
    return inProject(this.#projects, projectId, async (openstack) => {
      const server = await findServer(openstack, instanceId);
      if (!server) return 'gone';
      return server['OS-EXT-STS:power_state'] === 1 ? 'on' : 'off';
    });
  }

  async promoteToProxy(reference: InstanceReference & Pick<ClusterPlan, 'accessMethod'>) {
    return inProject(this.#projects, reference.projectId, (openstack) =>
      giveWayIn(openstack, reference, this.#settings),
    );
  }

  async demoteProxy(reference: InstanceReference): Promise<void> {
    await inProject(this.#projects, reference.projectId, (openstack) => takeWayIn(openstack, reference));
  }

  images(projectId: string): Promise<readonly CloudImage[]> {
    return inProject(this.#projects, projectId, async (openstack) =>
      (await openstack.images.list({ status: 'active' })).map((image) => ({
        id: image.id,
        name: image.name ?? '',
        size: image.size ?? 0,
        minDisk: image.min_disk,
        minRam: image.min_ram,
        created: image.created_at,
        updated: image.updated_at,
      })),
    );
  }

  flavors(projectId: string): Promise<readonly Flavor[]> {
    return inProject(this.#projects, projectId, async (openstack) =>
      (await openstack.offers.flavors()).map(({ id, name, ram, vcpus, disk }) => ({
        ...{ id, name, ram, vcpus, disk },
      })),
    );
  }

  networks(projectId: string): Promise<readonly Network[]> {
    return inProject(this.#projects, projectId, async (openstack) =>
      (await openstack.networks.list()).map(({ id, name, 'router:external': external = false }) => ({
        ...{ id, name, external },
      })),
    );
  }

  /** Of the user who asks: Nova has them by user, and two members may have one of the same name. */
  async keyPair(asking: Asking, name: string): Promise<string | null> {
    try {
      const pair = await this.#projects.useAs(asking, (openstack) => openstack.keypairs.get(name));
      return pair?.public_key.trim() ?? null;
    } catch (error) {
      throw cloudError(error);
    }
  }

  securityGroups(projectId: string): Promise<readonly string[]> {
    return inProject(this.#projects, projectId, async (openstack) =>
      (await openstack.securityGroups.list()).flatMap(({ id, name }) => [id, name]),
    );
  }

  volumeTypes(projectId: string): Promise<readonly string[]> {
    return inProject(this.#projects, projectId, async (openstack) =>
      (await openstack.has('block-storage')) ? (await openstack.volumes.types()).map(({ name }) => name) : [],
    );
  }

  zones(projectId: string) {
    return inProject(this.#projects, projectId, async (openstack) => ({
      machines: await openstack.offers.availabilityZones(),
      volumes: (await openstack.has('block-storage')) ? await openstack.volumes.availabilityZones() : [],
    }));
  }

  quotas(projectId: string) {
    return inProject(this.#projects, projectId, readQuotas);
  }

  async resume(): Promise<void> {}

  async close(): Promise<void> {
    await this.#projects.close();
  }
}
