import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LabController } from '../../access/lab-controller.ts';
import { type Lab, labUp } from '../lab.ts';
import { type ControllerOptions, newDataDirectory } from '../start-controller.ts';
import { writeCloudsFile } from './clouds-file.ts';
import { FaultProxy } from './fault-proxy.ts';
import { LabServers, ranges } from './lab-servers.ts';
import { StandIn, type StandInOptions } from './stand-in.ts';

export interface CloudBedOptions extends StandInOptions {
  /** Keys of the controller's configuration besides those of OpenStack. */
  readonly config?: object | ((cloud: StandIn) => object);
  /** Whose clouds.yaml the controller has; default: `demo` in `demo`. */
  readonly credential?: readonly [user: string, project: string];
  /** The controller asks the cloud through a proxy that lets things go wrong. */
  readonly faultProxy?: boolean;
}

/** Where a controller may be: an OpenStack in memory, its servers real machines that only floating addresses lead to. */
export class CloudBed {
  readonly lab: Lab;
  readonly cloud: StandIn;
  readonly servers: LabServers;
  readonly #proxy: FaultProxy | null;
  readonly #options: CloudBedOptions;
  readonly #folder: string;
  readonly #line: Server;
  readonly #relays: ChildProcess[] = [];

  private constructor(
    parts: { lab: Lab; cloud: StandIn; servers: LabServers; proxy: FaultProxy | null },
    options: CloudBedOptions,
    wire: { folder: string; line: Server },
  ) {
    this.lab = parts.lab;
    this.cloud = parts.cloud;
    this.servers = parts.servers;
    this.#proxy = parts.proxy;
    this.#options = options;
    this.#folder = wire.folder;
    this.#line = wire.line;
  }

  static async open(options: CloudBedOptions = {}): Promise<CloudBed> {
    const lab = await labUp({ machines: 1, router: true });
    const servers = await LabServers.open(lab);
    const cloud = await StandIn.start({
      ...ranges,
      ...options,
      hooks: { ...servers.hooks, ...options.hooks },
    });
    const folder = mkdtempSync(path.join(tmpdir(), 'wadi-cloud-'));
    const { origin } = new URL(cloud.authUrl);
    const names = ['identity', 'compute', 'network', 'image', 'volume'];
    const services = Object.fromEntries(names.map((name) => [name, `${origin}/${name}`]));
    const proxy = options.faultProxy ? await FaultProxy.open(services) : null;
    // Loopback is not the same in the lab; a socket file is.
    const port = Number(new URL(proxy?.authUrl ?? cloud.authUrl).port);
    const socket = path.join(folder, 'cloud');
    const line = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
    });
    await new Promise<void>((resolve) => line.listen(socket, resolve));
    const bed = new CloudBed({ lab, cloud, servers, proxy }, options, { folder, line });
    bed.leadToCloud(lab.controllerArgv([]));
    return bed;
  }

  /** Where things go wrong, if the bed was opened with it. */
  get proxy(): FaultProxy {
    if (!this.#proxy) throw new Error('this bed has no proxy in front of its cloud');
    return this.#proxy;
  }

  /** Of the cloud, or of what is in front of it, on the loopback of whoever sees it. */
  get port(): number {
    return Number(new URL((this.#proxy ?? this.cloud).authUrl).port);
  }

  /** `prefix`: what enters a namespace from where the cloud is to be seen, too. */
  leadToCloud(prefix: readonly string[]): void {
    const listen = `TCP-LISTEN:${this.port},bind=127.0.0.1,reuseaddr,fork,backlog=128`;
    const socket = path.join(this.#folder, 'cloud');
    const [program = '', ...argv] = [...prefix, 'socat', listen, `UNIX-CONNECT:${socket}`];
    this.#relays.push(spawn(program, argv, { stdio: 'ignore' }));
  }

  /** A controller in front of the cloud. `openstack`: of that section of its configuration. */
  async controller(options: ControllerOptions = {}, openstack: object = {}): Promise<LabController> {
    const data = options.data ?? newDataDirectory();
    const [user, project] = this.#options.credential ?? ['demo', 'demo'];
    const { config: given } = this.#options;
    const config = {
      allow_networks: ['198.18.0.0/24'],
      access_method: 'floating_ip',
      ...(typeof given === 'function' ? given(this.cloud) : given),
      openstack: {
        cloud: 'stand-in',
        clouds_file: writeCloudsFile(path.join(this.#folder, 'secret'), {
          authUrl: this.#proxy?.authUrl ?? this.cloud.authUrl,
          ...{ username: user, password: this.cloud.user(user).password, project },
        }),
        controller_networks: ['198.18.0.254/32'],
        ...openstack,
      },
    };
    const file = path.join(this.#folder, 'wadi.yaml');
    // A JSON text is YAML, too.
    writeFileSync(file, JSON.stringify(config));
    const args = ['--config', file, ...(options.args ?? [])];
    return LabController.start(this.lab, { ...options, data, args });
  }

  /** A second one beside it, on the same database. */
  peerOf({ controller: { data, databaseUrl } }: Pick<LabController, 'controller'>): Promise<LabController> {
    const copy = newDataDirectory();
    copyFileSync(path.join(data, 'master.key'), path.join(copy, 'master.key'));
    return this.controller({ data: copy, database: { url: databaseUrl ?? '' } });
  }

  /** The successor of one that is gone, on the same data. */
  successorOf({
    controller: { data, databaseUrl },
  }: Pick<LabController, 'controller'>): Promise<LabController> {
    return this.controller({ data, database: { url: databaseUrl ?? '' } });
  }

  async close(): Promise<void> {
    try {
      await this.#proxy?.close();
      await this.cloud.stop();
    } finally {
      this.#line.close();
      for (const relay of this.#relays) {
        const over = once(relay, 'close');
        relay.kill('SIGKILL');
        await over;
      }
      await this.lab.down();
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}
