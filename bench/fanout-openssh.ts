import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { LabInventory } from '../tests/set-up/lab.ts';

const atOnce = 32;
/** Milliseconds for one machine. */
const limit = 60_000;

/** The stock client, as it comes, with the same trust: key file, pinned host keys, no questions. */
export class OpenSsh {
  readonly #inventory: LabInventory;
  readonly #config: string;
  /** A socket's path must be short, so it has a directory of its own. */
  readonly #sockets = mkdtempSync(`${tmpdir()}/wf-`);
  #master: ChildProcess | undefined;

  private constructor(inventory: LabInventory, config: string) {
    this.#inventory = inventory;
    this.#config = config;
  }

  /** With a master connection to the proxy standing. */
  static async start(inventory: LabInventory, scratch: string): Promise<OpenSsh> {
    const [proxy] = inventory.proxies;
    if (!proxy) throw new Error('the lab has no proxy');
    const all = [
      ...inventory.machines.map((one) => ({ ...one, address: one.internalIp })),
      { ...proxy, address: proxy.externalIp },
    ];
    const known = all.flatMap((one) => one.hostKeys.map((key) => `${one.address} ${key}\n`)).join('');
    writeFileSync(`${scratch}known_hosts`, known);
    const common = `
  User ${inventory.user}
  IdentityFile ${inventory.privateKeyPath}
  IdentitiesOnly yes
  UserKnownHostsFile ${scratch}known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 30
  LogLevel ERROR
`;
    const openSsh = new OpenSsh(inventory, `${scratch}ssh_config`);
    const host = `Host proxy\n  HostName ${proxy.externalIp}\n`;
    writeFileSync(openSsh.#config, `${host}Host *${common}`);
    writeFileSync(`${openSsh.#config}_master`, `${host}  ControlPath ${openSsh.#socket}\nHost *${common}`);
    await openSsh.#startMaster();
    return openSsh;
  }

  throughJump(): Promise<number> {
    return this.#fanOut(this.#config);
  }

  throughMaster(): Promise<number> {
    return this.#fanOut(`${this.#config}_master`);
  }

  async stop(): Promise<void> {
    if (this.#master && this.#master.exitCode === null) {
      const ended = once(this.#master, 'close');
      this.#master.kill();
      await ended;
    }
    rmSync(this.#sockets, { recursive: true, force: true });
  }

  get #socket(): string {
    return `${this.#sockets}/m`;
  }

  async #startMaster(): Promise<void> {
    const argv = ['-F', `${this.#config}_master`, '-M', '-N', 'proxy'];
    this.#master = spawn('ssh', argv, { stdio: ['ignore', 'ignore', 'inherit'] });
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if ((await run(['-F', `${this.#config}_master`, '-O', 'check', 'proxy'])).status === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await this.stop();
    throw new Error('ssh: no master connection to the proxy');
  }

  async #fanOut(config: string): Promise<number> {
    const waiting = [...this.#inventory.machines];
    let failed = 0;
    const worker = async () => {
      for (let one = waiting.shift(); one; one = waiting.shift()) {
        const { stdout } = await run(['-F', config, '-J', 'proxy', one.internalIp, 'hostname']);
        if (stdout.trim() !== one.name) failed += 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return failed;
  }
}

async function run(argv: readonly string[]): Promise<{ status: number | null; stdout: string }> {
  const child = spawn('ssh', argv, {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: limit,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout };
}
