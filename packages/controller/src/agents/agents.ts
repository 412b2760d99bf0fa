import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { AccessError, IndirectAccess, type Route } from '@wadi/indirect-access';
import type { Logger } from 'pino';
import type { EventLog } from '../events/event-log.ts';
import {
  type AgentTunnel,
  agentKeysOf,
  deleteAgentTunnel,
  enrollAgent,
  findAgent,
  findAgentTunnel,
  putAgentToken,
  putAgentTunnel,
} from '../storage/agents.ts';
import type { Database } from '../storage/database.ts';
import { findInstanceOwner } from '../storage/instances.ts';
import type { Secrets } from '../storage/secrets.ts';
import type { AgentConnection } from './agent-connection.ts';
import { AgentEndpoint, type EndpointLimits } from './agent-endpoint.ts';
import { agentScript, enrollLine } from './agent-script.ts';
import { type EndpointKeys, findOrCreateEndpointKeys } from './endpoint-keys.ts';

export interface AgentsParts {
  readonly db: Database;
  readonly secrets: Secrets;
  readonly events: EventLog;
  readonly log: Logger;
  readonly controllerId: string;
  /** Whether another controller has ended without taking back what it wrote down. */
  readonly isGone: (controllerId: string) => Promise<boolean>;
  readonly listen: {
    readonly host: string;
    readonly port: number;
    /** `HOST:PORT` for machines; null: as it listens. */
    readonly advertise: string | null;
    /** `HOST:PORT` for other controllers; null: as it listens, or as machines find it where that is no address. */
    readonly peerAdvertise: string | null;
  };
  /** Whether a balancer has this address. */
  readonly isBalancer?: (address: string) => boolean;
  readonly limits?: Partial<EndpointLimits>;
}

/** Minutes that a token may be used. */
const tokenMinutes = 15;
/** Milliseconds between looks for keys that count no more. */
const lookInterval = 30_000;

/** Machines that dial in: who they are, which of them are connected here, and by whom the others are held. */
export class Agents {
  readonly #parts: AgentsParts;
  readonly #keys: EndpointKeys;
  readonly #endpoint: AgentEndpoint;
  /** To the endpoints of other controllers. */
  readonly #peers: IndirectAccess;
  readonly #connected = new Map<string, AgentConnection>();
  /** For machines, and for other controllers: a balancer in between does not say which controller answers. */
  #address = { host: '', port: 0 };
  #peerAddress = { host: '', port: 0 };
  #timer: NodeJS.Timeout | undefined;
  /** What is written down of connections, one after the other: a late end must not undo a new begin. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(parts: AgentsParts, keys: EndpointKeys) {
    const { db, log, limits, isBalancer } = parts;
    this.#parts = parts;
    this.#keys = keys;
    this.#peers = new IndirectAccess({
      identity: () => ({ privateKey: keys.peer }),
      keepalive: { interval: 3_000, missed: 3 },
    });
    this.#endpoint = new AgentEndpoint({
      hostKey: keys.host,
      peerKey: keys.publicPeer,
      log,
      ...(limits ? { limits } : {}),
      ...(isBalancer ? { isBalancer } : {}),
      findAgent: (key) => findAgent(db, key),
      enroll: (token, key, source) => this.#enroll(token, key, source),
      onAgent: (agent) => this.#begin(agent),
      onAgentGone: (agent) => this.#end(agent),
      findConnection: (id) => this.#connected.get(id),
    });
  }

  static async open(parts: AgentsParts): Promise<Agents> {
    const agents = new Agents(parts, await findOrCreateEndpointKeys(parts.db, parts.secrets));
    const { host, port, advertise, peerAdvertise } = parts.listen;
    const listening = { host, port: await agents.#endpoint.listen(host, port) };
    const isAddress = host !== '0.0.0.0' && !/^[0:]+$/.test(host);
    agents.#address = read(advertise) ?? listening;
    agents.#peerAddress = read(peerAdvertise) ?? (isAddress ? listening : agents.#address);
    agents.#timer = setInterval(() => void agents.#dropForgotten(), lookInterval);
    return agents;
  }

  /** `HOST:PORT`, as machines find it. */
  get endpoint(): string {
    return write(this.#address);
  }

  get hostKey(): string {
    return this.#keys.publicHost;
  }

  stats(): { readonly connections: number; readonly strangers: number; readonly agents: number } {
    return { ...this.#endpoint.stats(), agents: this.#connected.size };
  }

  /** What somebody runs on the machine, once, within a quarter of an hour. */
  async invite(
    instanceId: string,
    tx: Database,
  ): Promise<{ readonly line: string; readonly expiresAt: Date }> {
    const token = randomBytes(24).toString('base64url');
    const expiresAt = new Date(Date.now() + tokenMinutes * 60_000);
    await putAgentToken(tx, instanceId, token, expiresAt);
    return { line: enrollLine({ ...this.#address, hostKey: this.hostKey }, token), expiresAt };
  }

  /** A stream to the sshd of a machine, whichever controller has its connection. */
  async open(instanceId: string, signal: AbortSignal): Promise<Duplex> {
    const here = this.#connected.get(instanceId);
    if (here?.isOpen) return here.open(signal);
    const tunnel = await findAgentTunnel(this.#parts.db, instanceId);
    if (!tunnel || tunnel.controller_id === this.#parts.controllerId) throw notConnected();
    try {
      return await this.#peers.tunnel(this.#routeTo(tunnel), { port: 22 }, { signal });
    } catch (cause) {
      throw new AccessError(
        `its agent is connected to the controller at ${tunnel.endpoint}, which does not pass it on`,
        {
          code: 'NETWORK_UNREACHABLE',
          phase: 'dial',
          hint: 'is that controller alive, and may controllers connect to each other there? The agent dials again by itself',
          retryable: true,
          cause,
        },
      );
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#endpoint.close(), this.#peers.close()]);
    await this.#writing;
  }

  /** Another controller is a machine that is jumped through; the instance is what it is asked for. */
  #routeTo({ controller_id: id, endpoint, instance_id }: AgentTunnel): Route {
    const { host, port } = read(endpoint) ?? { host: '', port: 0 };
    const hostKey = { kind: 'pinned', keys: [this.hostKey] } as const;
    const common = { user: 'controller', credential: 'peer', hostKey };
    const peer = { id, name: `controller ${endpoint}`, host, port, ...common };
    return {
      hops: [{ kind: 'tcp' }, { kind: 'ssh', machine: peer, relay: 'direct-tcpip', jumpOnly: true }],
      machine: { id: instance_id, name: instance_id, host: instance_id, port: 22, ...common },
    };
  }

  async #enroll(token: string, key: string, source: string): Promise<{ script: string } | string> {
    const { db, log } = this.#parts;
    const taken = await enrollAgent(db, token, key);
    if (!taken) {
      log.warn({ source }, 'agents: a token that does not count');
      return 'this token was used, is older than 15 minutes, or never was one: make another line with wadi agent enroll';
    }
    await this.#tell('agent.enrolled', taken.instanceId, { source });
    return { script: agentScript({ ...this.#address, hostKey: this.hostKey }, taken.sshPort) };
  }

  /** The newest counts: the one before it is most often dead and does not know it. */
  #begin(agent: AgentConnection): void {
    const { instanceId, id, source } = agent;
    const before = this.#connected.get(instanceId);
    this.#connected.set(instanceId, agent);
    before?.close();
    this.#write(async () => {
      const { db, controllerId } = this.#parts;
      const row = {
        instance_id: instanceId,
        connection_id: id,
        controller_id: controllerId,
        endpoint: write(this.#peerAddress),
        source,
      };
      const held = await putAgentTunnel(db, row);
      if (held && !(await this.#isLeftOver(held)))
        await this.#tell('agent.second-connection', instanceId, { source, other_source: held.source });
      else await this.#tell('agent.connected', instanceId, { source });
    });
  }

  /** Its connection ended with its controller, which was killed. */
  async #isLeftOver({ controller_id: id }: AgentTunnel): Promise<boolean> {
    return id !== this.#parts.controllerId && (await this.#parts.isGone(id));
  }

  #end(agent: AgentConnection): void {
    const { instanceId, id } = agent;
    if (this.#connected.get(instanceId) === agent) this.#connected.delete(instanceId);
    this.#write(() => deleteAgentTunnel(this.#parts.db, id));
  }

  #write(work: () => Promise<void>): void {
    const { log } = this.#parts;
    this.#writing = this.#writing
      .then(work)
      .catch((error) => log.warn({ err: error }, 'agents: what is connected could not be written down'));
  }

  /** Instances that are gone, and keys that were replaced. */
  async #dropForgotten(): Promise<void> {
    const { db, log } = this.#parts;
    try {
      const keys = await agentKeysOf(db, [...this.#connected.keys()]);
      for (const agent of this.#connected.values())
        if (keys.get(agent.instanceId) !== agent.key) agent.close();
    } catch (error) {
      log.warn({ err: error }, 'agents: their keys could not be looked up');
    }
  }

  async #tell(type: string, instanceId: string, more: Readonly<Record<string, string>>): Promise<void> {
    const owner = await findInstanceOwner(this.#parts.db, instanceId);
    if (!owner) return;
    const body = { instance_id: instanceId, ...more };
    await this.#parts.events.append({ projectId: owner.project_id, clusterId: owner.cluster_id, type, body });
  }
}

function read(text: string | null): { host: string; port: number } | undefined {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(text ?? '') ?? [];
  return host === undefined ? undefined : { host, port: Number(port) };
}

function write({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function notConnected(): AccessError {
  return new AccessError('its agent is not connected', {
    code: 'FIRST_HOP_FAILED',
    phase: 'dial',
    hint: 'wadi agent enroll CLUSTER/MACHINE gives the line that starts one; one that runs dials again by itself',
    retryable: true,
  });
}
