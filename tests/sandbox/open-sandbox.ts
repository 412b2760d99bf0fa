import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { CloudInstance } from '../../packages/controller/src/clouds/cloud.ts';
import { generateHostKey } from '../../packages/controller/src/clouds/sandbox/host-key.ts';
import {
  SandboxCloud,
  type SandboxOptions,
} from '../../packages/controller/src/clouds/sandbox/sandbox-cloud.ts';
import { plantSecret } from '../set-up/run-folder.ts';

export interface TestMachine {
  readonly id: string;
  readonly name: string;
  readonly facts: CloudInstance;
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether a process runs; one that ended and that nobody has waited for does not. */
export async function isRunning(pid: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A sandbox with clusters in it, and a directory with what the plain OpenSSH client needs to get in. */
export class TestSandbox {
  readonly directory: string;
  cloud: SandboxCloud;
  readonly clusterId = randomUUID();
  readonly proxyKey = generateHostKey();
  readonly machineKey = generateHostKey();
  readonly moves: { instanceId: string; port: number }[] = [];
  readonly #children = new Set<ChildProcess>();

  private constructor(directory: string) {
    this.directory = directory;
    this.cloud = new SandboxCloud(this.options);
  }

  static async open(): Promise<TestSandbox> {
    const directory = await mkdtemp(path.join(tmpdir(), 'wadi-sandbox-test-'));
    const sandbox = new TestSandbox(directory);
    for (const key of [sandbox.proxyKey, sandbox.machineKey]) plantSecret('sandbox-client-key', key.private);
    await writeFile(path.join(directory, 'proxy-key'), sandbox.proxyKey.private, { mode: 0o600 });
    await writeFile(path.join(directory, 'machine-key'), sandbox.machineKey.private, { mode: 0o600 });
    return sandbox;
  }

  get options(): SandboxOptions {
    return {
      directory: path.join(this.directory, 'sandbox'),
      apiHost: '127.0.0.1',
      onMoved: async (instanceId, { managementPort }) => {
        this.moves.push({ instanceId, port: managementPort });
      },
    };
  }

  async machine(
    name: string,
    isProxy = false,
    clusterId = this.clusterId,
    id: string = randomUUID(),
  ): Promise<TestMachine> {
    const facts = await this.cloud.findOrCreateInstance({
      clusterId,
      clusterName: 'cluster',
      instanceId: id,
      name,
      nodeGroup: { name: 'group', isProxy },
      authorizedKey: (isProxy ? this.proxyKey : this.machineKey).public,
    });
    return { id, name, facts };
  }

  /** Writes the client's configuration: host keys pinned, other machines through the first proxy. */
  async configure(machines: readonly TestMachine[]): Promise<void> {
    const proxy = machines.find((machine) => machine.facts.managementIp !== null);
    const hosts = machines.map(({ name, facts }) => {
      const isProxy = facts.managementIp !== null;
      return [
        `Host ${name}`,
        `  HostName ${facts.managementIp ?? facts.internalIp}`,
        `  Port ${facts.managementPort ?? facts.sshPort}`,
        `  IdentityFile ${path.join(this.directory, isProxy ? 'proxy-key' : 'machine-key')}`,
        ...(isProxy || !proxy ? [] : [`  ProxyJump ${proxy.name}`]),
        `  HostKeyAlias ${name}`,
      ].join('\n');
    });
    const common = [
      'Host *',
      '  User wadi',
      '  IdentitiesOnly yes',
      '  IdentityAgent none',
      '  BatchMode yes',
      '  StrictHostKeyChecking yes',
      '  GlobalKnownHostsFile none',
      `  UserKnownHostsFile ${path.join(this.directory, 'known-hosts')}`,
      '  ConnectTimeout 20',
      '  LogLevel ERROR',
    ].join('\n');
    await writeFile(path.join(this.directory, 'config'), `${[...hosts, common].join('\n')}\n`);
    const keys = machines.map(({ name, facts }) => `${name} ${facts.hostKeys[0]}\n`);
    await writeFile(path.join(this.directory, 'known-hosts'), keys.join(''));
  }

  /** Runs ssh, sftp or scp with that configuration. */
  async run(program: 'ssh' | 'sftp' | 'scp', args: readonly string[], stdin = ''): Promise<Outcome> {
    const child = this.start(program, args);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin);
    const [stdout, stderr, status] = await Promise.all([
      text(child.stdout as NodeJS.ReadableStream),
      text(child.stderr as NodeJS.ReadableStream),
      new Promise<number | null>((resolve) => child.once('close', resolve)),
    ]);
    return { status, stdout, stderr };
  }

  start(program: 'ssh' | 'sftp' | 'scp', args: readonly string[]): ChildProcess {
    const child = spawn(program, ['-F', path.join(this.directory, 'config'), ...args], { stdio: 'pipe' });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** What a restart of the controller does. */
  async restart(): Promise<void> {
    await this.cloud.close();
    this.cloud = new SandboxCloud(this.options);
    await this.cloud.resume();
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const { cluster_id } of await this.cloud.list().catch(() => []))
      await this.cloud.deleteCluster({ clusterId: cluster_id });
    await this.cloud.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
