import { randomInt } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type {
  Cloud,
  CloudImage,
  CloudInstance,
  ClusterReference,
  Flavor,
  InstanceReference,
  InstanceRequest,
  NodeGroupPlan,
  Power,
  Problem,
} from '../cloud.ts';
import { removeAbandonedFolders } from './abandoned-folders.ts';
import { FileService } from './file-service.ts';
import { generateHostKey } from './host-key.ts';
import { Machine, type SandboxParts, SSH_PORT } from './machine.ts';
import { type MachineRecord, MachineRecords } from './machine-record.ts';
import { PrivateNetwork } from './private-network.ts';
import { ProcessGroups } from './process-groups.ts';
import { SandboxFolders } from './sandbox-folders.ts';
import { sandboxUser } from './sandbox-user.ts';
import { LOGIN_USER } from './ssh-server.ts';

export interface SandboxOptions {
  /** A folder of its own below the data directory: what machines there are, and their host keys. */
  readonly directory: string;
  /** Where the API listens. Anything but loopback is refused: commands of its users run on this computer. */
  readonly apiHost: string;
  /** A proxy came back, but on another port: the instance's row must learn it before anybody dials. */
  readonly onMoved?: (
    instanceId: string,
    at: { managementIp: string; managementPort: number },
  ) => Promise<void>;
}

/** A machine as `GET /v2/sandbox/machines` shows it. */
export interface MachineView {
  readonly instance_id: string;
  readonly name: string;
  readonly cluster_id: string;
  readonly is_proxy: boolean;
  readonly running: boolean;
  readonly address: string;
  /** On loopback; null: it has no way in but through a proxy. */
  readonly port: number | null;
  readonly forwarded_channels: number;
  readonly open_channels: number;
  readonly connections: number;
}

const flavors = new Set(['1', '2', '3']);

/** Of no weight here: there to be registered and named, as scripts for other clouds do. */
const images: readonly CloudImage[] = ['sandbox', 'sandbox-minimal'].map((name, index) => ({
  id: `5a4db0c5-0000-4000-8000-00000000000${index + 1}`,
  name,
  size: 0,
  minDisk: 0,
  minRam: 0,
  created: '2026-01-01T00:00:00Z',
  updated: '2026-01-01T00:00:00Z',
}));
/** Machines of a sandbox, all clusters together; the network has addresses for some more. */
const MAX_MACHINES = 200;
const LOOPBACK = '127.0.0.1';

/** What of a request a machine here is made of. */
export interface MachineRequest
  extends Pick<InstanceRequest, 'clusterId' | 'clusterName' | 'instanceId' | 'name' | 'authorizedKey'> {
  readonly nodeGroup: Pick<NodeGroupPlan, 'name' | 'isProxy'>;
}
export interface SandboxPlan {
  readonly clusterId: string;
  readonly nodeGroups: readonly Pick<NodeGroupPlan, 'name' | 'count' | 'flavorId'>[];
}
type MachineReference = Pick<InstanceReference, 'instanceId'>;

/**
 * Machines inside this process: they speak real SSH, run real commands and live in a network of their own, in which
 * only proxies have a port on loopback. For trying Wadi, and for tests.
 *
 * It separates machines, it does not contain their users: all commands run as one user of this computer (`nobody`
 * when the controller is root, else its own), so they can read each other's files, and they can connect to whatever
 * this computer can, its loopback included. Only what goes through SSH keeps to the private network.
 */
export class SandboxCloud implements Cloud {
  readonly name: string = 'sandbox';
  readonly hasFixedKeys = true;
  readonly #options: SandboxOptions;
  readonly #records: MachineRecords;
  readonly #machines = new Map<string, Machine>();
  /** The last thing under way for an instance; the next one waits for it. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #ready: Promise<Ready> | undefined;
  #closed = false;

  constructor(options: SandboxOptions) {
    if (!/^(127(\.\d{1,3}){3}|::1|localhost)$/.test(options.apiHost)) {
      throw new Error(
        `the sandbox runs commands of API users on this computer, so the API must listen on loopback only, not on ${options.apiHost}`,
      );
    }
    this.#options = options;
    this.#records = new MachineRecords(path.join(options.directory, 'machines'));
  }

  async validate(plan: SandboxPlan): Promise<readonly Problem[]> {
    const problems: Problem[] = [];
    for (const flavor of new Set(plan.nodeGroups.map((group) => group.flavorId))) {
      if (flavors.has(flavor)) continue;
      problems.push({
        errorName: 'NOT_FOUND',
        message: `Requested flavor '${flavor}' not found`,
        hint: `the sandbox has the flavors ${[...flavors].join(', ')}, all alike`,
        field: 'flavor_id',
        nodeGroups: plan.nodeGroups.flatMap(({ name, flavorId }) => (flavorId === flavor ? name : [])),
      });
    }
    await this.#open();
    const others = [...this.#machines.values()].filter(
      (machine) => machine.clusterId !== plan.clusterId,
    ).length;
    const requested = plan.nodeGroups.reduce((sum, group) => sum + group.count, 0);
    const available = MAX_MACHINES - others;
    if (requested > available) {
      const message = `Quota exceeded for instance: Requested ${requested}, but available ${available}`;
      problems.push({ errorName: 'QUOTA_ERROR', message, field: 'count' });
    }
    return problems;
  }

  async images(): Promise<readonly CloudImage[]> {
    return images;
  }

  async flavors(): Promise<readonly Flavor[]> {
    return [...flavors].map((id) => ({ id, name: `sandbox-${id}`, ram: 512, vcpus: 1, disk: 1 }));
  }

  /** Knows an instance again by its id; one that was switched off by hand stays off. */
  async findOrCreateInstance(request: MachineRequest): Promise<CloudInstance> {
    return this.#inTurn(request.instanceId, async () => {
      const { parts, subnet } = await this.#open();
      const known = this.#machines.get(request.instanceId);
      if (known) return this.#describe(known);
      const machine = new Machine(this.#invent(request, subnet), parts);
      this.#machines.set(request.instanceId, machine);
      try {
        await this.#records.write(machine.record);
        return this.#describe(await this.#start(machine));
      } catch (error) {
        this.#machines.delete(request.instanceId);
        await machine.stop();
        throw error;
      }
    });
  }

  async deleteInstance(reference: MachineReference): Promise<void> {
    await this.#inTurn(reference.instanceId, async () => {
      const { parts } = await this.#open();
      const machine = this.#machines.get(reference.instanceId);
      if (machine) {
        await machine.stop();
        await parts.groups.endMachine(reference.instanceId);
        await parts.files.empty(parts.folders.home(reference.instanceId));
      }
      await parts.folders.removeMachine(reference.instanceId);
      await this.#records.remove(checkId(reference.instanceId));
      this.#machines.delete(reference.instanceId);
    });
  }

  async deleteCluster({ clusterId }: Pick<ClusterReference, 'clusterId'>): Promise<void> {
    await this.#open();
    const left = [...this.#machines.values()].filter((machine) => machine.clusterId === clusterId);
    for (const { record } of left) await this.deleteInstance(record);
  }

  /** Ends what a killed controller left, and switches on every machine that was on. */
  async resume(): Promise<void> {
    await this.#open();
    const running = [...this.#machines.values()].filter((machine) => machine.record.running);
    await Promise.all(
      running.map((machine) => this.#inTurn(machine.record.instanceId, () => this.#start(machine))),
    );
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const ready = await this.#ready?.catch(() => undefined);
    await Promise.allSettled(this.#turns.values());
    await Promise.all([...this.#machines.values()].map((machine) => machine.stop()));
    if (!ready) return;
    await ready.parts.groups.endAll();
    await ready.parts.files.close();
    if (this.#machines.size === 0) await ready.parts.folders.remove();
  }

  async powerOf({ instanceId }: MachineReference): Promise<Power> {
    await this.#open();
    const machine = this.#machines.get(instanceId);
    if (!machine) return 'gone';
    return machine.record.running ? 'on' : 'off';
  }

  async promoteToProxy({ instanceId, name }: Pick<InstanceReference, 'instanceId' | 'name'>) {
    return this.#inTurn(instanceId, async () => {
      await this.#open();
      const machine = this.#machines.get(instanceId);
      await machine?.openPort();
      if (machine?.port == null) throw new Error(`${name} is switched off`);
      await this.#update(machine, { promoted: true, port: machine.port });
      return { address: LOOPBACK, port: machine.port };
    });
  }

  async demoteProxy({ instanceId }: MachineReference): Promise<void> {
    await this.#inTurn(instanceId, async () => {
      await this.#open();
      const machine = this.#machines.get(instanceId);
      if (!machine?.record.promoted) return;
      machine.closePort();
      await this.#update(machine, { promoted: false, port: null });
    });
  }

  async list(): Promise<MachineView[]> {
    await this.#open();
    return [...this.#machines.values()].map(view).sort((a, b) => a.name.localeCompare(b.name));
  }

  /** A machine of these clusters, by instance id, or by a name that only one of them has. */
  find(idOrName: string, clusters: ReadonlySet<string>): Machine | undefined {
    const candidates = [...this.#machines.values()].filter(({ clusterId }) => clusters.has(clusterId));
    const byName = candidates.filter(({ name }) => name === idOrName);
    const byId = candidates.find(({ record }) => record.instanceId === idOrName);
    return byId ?? (byName.length === 1 ? byName[0] : undefined);
  }

  /** Pulls the plug: connections are lost, commands end, a proxy's port refuses. Kept over restarts. */
  async stopMachine(instanceId: string): Promise<MachineView> {
    return this.#switch(instanceId, false);
  }

  async startMachine(instanceId: string): Promise<MachineView> {
    return this.#switch(instanceId, true);
  }

  async #switch(instanceId: string, running: boolean): Promise<MachineView> {
    return this.#inTurn(instanceId, async () => {
      const { parts } = await this.#open();
      const machine = this.#machines.get(instanceId);
      if (!machine) throw new Error(`no machine ${instanceId} in the sandbox`);
      await this.#update(machine, { running });
      if (running) await this.#start(machine);
      else await machine.stop();
      if (!running) await parts.groups.endMachine(instanceId);
      return view(machine);
    });
  }

  async #start(machine: Machine): Promise<Machine> {
    await machine.start();
    const { port, record } = machine;
    if (port === null || port === record.port) return machine;
    await this.#update(machine, { port });
    // Its first port becomes known by the answer of findOrCreateInstance.
    if (record.port === null) return machine;
    await this.#options.onMoved?.(record.instanceId, { managementIp: LOOPBACK, managementPort: port });
    return machine;
  }

  async #update(machine: Machine, change: Partial<MachineRecord>): Promise<void> {
    machine.record = { ...machine.record, ...change };
    await this.#records.write(machine.record);
  }

  #open(): Promise<Ready> {
    if (this.#closed) throw new Error('the sandbox is closed');
    this.#ready ??= this.#prepare();
    return this.#ready;
  }

  async #prepare(): Promise<Ready> {
    const { directory } = this.#options;
    const user = sandboxUser();
    await mkdir(directory, { recursive: true });
    // The machines' files may lie below; the records have a folder that is closed.
    await chmod(directory, user ? 0o711 : 0o700);
    const folders = await SandboxFolders.findOrCreate(directory, user);
    const groups = new ProcessGroups(path.join(directory, 'processes'), folders.mark);
    await groups.endLeftovers();
    const files = new FileService(user);
    await removeAbandonedFolders(path.dirname(folders.root), files);
    const parts = { network: new PrivateNetwork(), folders, groups, files, user };
    for (const record of await this.#records.readAll()) {
      this.#machines.set(record.instanceId, new Machine(record, parts));
    }
    return { parts, subnet: await findOrChooseSubnet(path.join(directory, 'subnet')) };
  }

  #invent(request: MachineRequest, subnet: string): MachineRecord {
    if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(request.name)) {
      throw new Error(`'${request.name}' cannot be a machine's name`);
    }
    const used = new Set([...this.#machines.values()].map((machine) => machine.address));
    let host = 10;
    while (used.has(`${subnet}.${host}`)) host += 1;
    if (host > 250) throw new Error(`the sandbox has room for ${MAX_MACHINES} machines`);
    const hostKey = generateHostKey();
    return {
      instanceId: checkId(request.instanceId),
      clusterId: request.clusterId,
      name: request.name,
      isProxy: request.nodeGroup.isProxy,
      address: `${subnet}.${host}`,
      port: null,
      running: true,
      authorizedKey: request.authorizedKey,
      hostKey: hostKey.private,
      hostPublicKey: hostKey.public,
    };
  }

  #describe({ record }: Machine): CloudInstance {
    return {
      cloudInstanceId: record.instanceId,
      internalIp: record.address,
      managementIp: record.isProxy ? LOOPBACK : null,
      sshPort: SSH_PORT,
      managementPort: record.port,
      loginUser: LOGIN_USER,
      hostKeys: [record.hostPublicKey],
      hostKeySource: 'cloud',
      credentialSecretId: null,
    };
  }

  async #inTurn<T>(instanceId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(instanceId) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(work);
    this.#turns.set(instanceId, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(instanceId) === turn) this.#turns.delete(instanceId);
    }
  }
}

interface Ready {
  readonly parts: SandboxParts;
  readonly subnet: string;
}

function view(machine: Machine): MachineView {
  const { record, counters } = machine;
  return {
    instance_id: record.instanceId,
    name: record.name,
    cluster_id: record.clusterId,
    is_proxy: record.isProxy,
    running: record.running,
    address: record.address,
    port: record.port,
    forwarded_channels: counters.forwardedChannels,
    open_channels: counters.openChannels,
    connections: counters.connections,
  };
}

/** It becomes a file's name. */
function checkId(instanceId: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(instanceId)) throw new Error(`'${instanceId}' cannot be an instance's id`);
  return instanceId;
}

/** The first three bytes of the private addresses; chosen once, so that two sandboxes rarely look alike. */
async function findOrChooseSubnet(file: string): Promise<string> {
  const known = await readFile(file, 'utf8').catch(() => '');
  if (/^10\.\d{1,3}\.\d{1,3}$/.test(known)) return known;
  const subnet = `10.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  await writeFile(file, subnet, { mode: 0o600 });
  return subnet;
}
