import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../tests/set-up/lab.ts';

const start = fileURLToPath(new URL('../packages/controller/bin/start.mjs', import.meta.url));
const wadi = fileURLToPath(new URL('../packages/cli/bin/wadi.mjs', import.meta.url));
/** Milliseconds. */
const patience = 120_000;
/** Lines of the log of a controller that came to an end by itself. */
const lastWords = 30;

/** A controller of its own in the lab's network, with the lab's machines as a cluster named `lab`. */
export class DrillController {
  readonly #lab: Lab;
  readonly #directory: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = '';

  private constructor(lab: Lab, directory: string) {
    this.#lab = lab;
    this.#directory = directory;
    const own = ['--data', this.#data, '--listen', '127.0.0.1:0', '--allow-network', '198.18.0.0/15'];
    const [program = '', ...argv] = lab.controllerArgv([process.execPath, start, ...own]);
    const { DATABASE_URL: _, ...env } = process.env;
    // A group of its own: Ctrl-C is the drill's, which still needs it.
    this.#process = spawn(program, argv, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-20_000);
      });
    }
    this.#ended = once(this.#process, 'close');
  }

  static async start(lab: Lab): Promise<DrillController> {
    const directory = await mkdtemp(path.join(tmpdir(), 'wadi-drill-'));
    await chmod(directory, 0o755); // the database's user has to pass
    const controller = new DrillController(lab, directory);
    try {
      await controller.#ready();
      await controller.#import();
    } catch (error) {
      await controller.stop();
      throw error;
    }
    return controller;
  }

  /** Runs `wadi` beside the controller; what it prints on standard error is shown. */
  async wadi(args: readonly string[], input = ''): Promise<{ status: number | null; stdout: string }> {
    const words = [process.execPath, wadi, '--data', this.#data, ...args];
    const [program = '', ...argv] = this.#lab.controllerArgv(words);
    const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    const forward = (signal: NodeJS.Signals) => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stdin.end(input);
    const [status] = (await once(child, 'close')) as [number | null];
    process.off('SIGINT', forward).off('SIGTERM', forward);
    return { status, stdout };
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) {
      const log = await readFile(path.join(this.#data, 'wadi.log'), 'utf8').catch(() => '');
      console.error(`the controller had ended with ${exitCode ?? signalCode}:\n${this.#output}`);
      console.error(log.split('\n').slice(-lastWords).join('\n'));
    }
    this.#process.kill('SIGINT');
    const killing = setTimeout(() => this.#process.kill('SIGKILL'), patience);
    await this.#ended;
    clearTimeout(killing);
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #data(): string {
    return path.join(this.#directory, 'data');
  }

  async #ready(): Promise<void> {
    for (const end = performance.now() + patience; !this.#output.includes('Wadi is ready'); await sleep(50)) {
      if (this.#process.exitCode === null && performance.now() < end) continue;
      throw new Error(`the controller did not start:\n${this.#output}`);
    }
  }

  async #import(): Promise<void> {
    const { user, privateKeyPath, proxies, machines } = this.#lab.inventory;
    const file = {
      name: 'lab',
      user,
      identity: privateKeyPath,
      machines: [
        ...proxies.map((each) => ({
          name: each.name,
          address: each.externalIp,
          is_proxy: true,
          host_keys: each.hostKeys,
        })),
        ...machines.map((each) => ({
          name: each.name,
          address: each.internalIp,
          node_group: 'machine',
          host_keys: each.hostKeys,
        })),
      ],
    };
    const { status } = await this.wadi(['cluster', 'import', '-', '--wait'], JSON.stringify(file));
    if (status !== 0) throw new Error(`the lab's machines did not become a cluster (${status})`);
  }
}
