import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { pino } from 'pino';
import { generateManagementKey } from '../../packages/controller/src/access/management-key.ts';
import type { AgentConnection } from '../../packages/controller/src/agents/agent-connection.ts';
import { AgentEndpoint } from '../../packages/controller/src/agents/agent-endpoint.ts';

/** Of the controller's network, as machines of a lab with a router see it. */
const address = '198.18.0.254';

/** An endpoint in the controller's network, and the plain OpenSSH client in a machine's network as soon as somebody wants it. */
export class LabAgents {
  readonly #lab: string;
  readonly #connected = new Map<string, AgentConnection>();
  readonly #started = new Map<string, ChildProcess>();
  readonly #keys = new Map<string, string>();
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'wadi-agents-'));
  readonly #waiting = new Map<string, (agent: AgentConnection) => void>();
  readonly #hostKey = generateManagementKey('host');
  #endpoint: Promise<{ endpoint: AgentEndpoint; port: number }> | undefined;

  constructor(lab: string) {
    this.#lab = lab;
  }

  async open(machine: string, signal: AbortSignal): Promise<Duplex> {
    const agent = this.#connected.get(machine) ?? (await this.#dialIn(machine));
    return agent.open(signal);
  }

  async close(): Promise<void> {
    for (const child of this.#started.values()) child.kill('SIGKILL');
    await (await this.#endpoint)?.endpoint.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #dialIn(machine: string): Promise<AgentConnection> {
    this.#endpoint ??= this.#listen();
    const { port } = await this.#endpoint;
    const key = generateManagementKey(machine);
    const file = path.join(this.#folder, machine);
    writeFileSync(file, key.privateKey, { mode: 0o600 });
    writeFileSync(`${file}.known`, `[${address}]:${port} ${this.#hostKey.publicKey}\n`);
    this.#keys.set(key.publicKey.split(' ').slice(0, 2).join(' '), machine);
    const trust = ['-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${file}.known`];
    const forward = ['-N', '-T', '-R', '127.0.0.1:1:127.0.0.1:22', '-p', String(port), `agent@${address}`];
    const enter = ['nsenter', `--net=/run/netns/${this.#lab}-${machine}`];
    const argv = [...enter, 'ssh', '-F', 'none', '-o', 'BatchMode=yes', ...trust, '-i', file, ...forward];
    const connected = new Promise<AgentConnection>((resolve) => this.#waiting.set(machine, resolve));
    const child = spawn(argv[0] ?? '', argv.slice(1), {
      stdio: 'inherit',
    });
    this.#started.set(machine, child);
    return connected;
  }

  async #listen(): Promise<{ endpoint: AgentEndpoint; port: number }> {
    const endpoint = new AgentEndpoint({
      hostKey: this.#hostKey.privateKey,
      peerKey: '',
      log: pino({ level: 'silent' }),
      findAgent: async (key) => this.#keys.get(key),
      enroll: async () => 'no',
      onAgent: (agent) => {
        this.#connected.set(agent.instanceId, agent);
        this.#waiting.get(agent.instanceId)?.(agent);
      },
      onAgentGone: ({ instanceId }) => this.#connected.delete(instanceId),
      findConnection: () => undefined,
    });
    return { endpoint, port: await endpoint.listen(address, 0) };
  }
}
