import type { Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { FileService } from './file-service.ts';
import type { MachineRecord } from './machine-record.ts';
import type { MemorySocket } from './memory-socket.ts';
import type { Endpoint, PrivateNetwork } from './private-network.ts';
import type { ProcessGroups } from './process-groups.ts';
import type { SandboxFolders } from './sandbox-folders.ts';
import type { SandboxUser } from './sandbox-user.ts';
import { type Counters, LOGIN_USER, SshServer } from './ssh-server.ts';
import { createStatusPage } from './status-page.ts';

export const SSH_PORT = 22;
export const HTTP_PORT = 8080;
const LOOPBACK = '127.0.0.1';

/** What all machines of a sandbox share. */
export interface SandboxParts {
  readonly network: PrivateNetwork;
  readonly folders: SandboxFolders;
  readonly groups: ProcessGroups;
  readonly files: FileService;
  readonly user: SandboxUser | undefined;
}

/** A machine of the sandbox: switched on it has an sshd, a web page and, if it is a proxy, a port on loopback. */
export class Machine implements Endpoint {
  record: MachineRecord;
  readonly counters: Counters = { connections: 0, openChannels: 0, forwardedChannels: 0 };
  readonly #parts: SandboxParts;
  #ssh: SshServer | undefined;
  #page: HttpServer | undefined;
  #listener: Server | undefined;
  readonly #pageSockets = new Set<MemorySocket>();

  constructor(record: MachineRecord, parts: SandboxParts) {
    this.record = record;
    this.#parts = parts;
  }

  get clusterId(): string {
    return this.record.clusterId;
  }

  get name(): string {
    return this.record.name;
  }

  get address(): string {
    return this.record.address;
  }

  /** Where it listens on loopback; null: it does not. */
  get port(): number | null {
    const address = this.#listener?.address();
    return address && typeof address === 'object' ? address.port : null;
  }

  /** Switches it on. A proxy listens where it did before, unless somebody else took that port. */
  async start(): Promise<void> {
    if (this.#ssh) return;
    const { folders, groups, files, network, user } = this.#parts;
    const { instanceId, name } = this.record;
    await folders.ensureHome(instanceId);
    const home = folders.home(instanceId);
    this.#ssh = new SshServer({
      hostKey: this.record.hostKey,
      authorizedKey: this.record.authorizedKey,
      counters: this.counters,
      place: {
        instanceId,
        home,
        user,
        groups,
        environment: {
          PATH: `${folders.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
          HOME: home,
          USER: LOGIN_USER,
          LOGNAME: LOGIN_USER,
          SHELL: '/bin/sh',
          LANG: 'C.UTF-8',
          TMPDIR: home,
          WADI_SANDBOX_MACHINE: name,
          WADI_SANDBOX: groups.markOf(instanceId),
        },
      },
      dial: (host, port) => network.connect(this, host, port),
      sftp: () => files.open(home),
    });
    this.#page = createStatusPage({
      name,
      address: this.address,
      isProxy: this.record.isProxy,
      startedAt: Date.now(),
    });
    network.join(this);
    if (this.record.isProxy || this.record.promoted) await this.openPort();
  }

  /** Listens on loopback from now on, if it is on. */
  async openPort(): Promise<void> {
    if (this.#ssh) this.#listener ??= await this.#listen(this.#ssh);
  }

  /** What was accepted stays. */
  closePort(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Switches it off: whoever was connected loses the connection. What still runs is ProcessGroups' to end. */
  async stop(): Promise<void> {
    this.#parts.network.leave(this);
    const [ssh, page, listener] = [this.#ssh, this.#page, this.#listener];
    this.#ssh = this.#page = this.#listener = undefined;
    const unbound = listener && new Promise((resolve) => listener.close(resolve));
    ssh?.close();
    for (const socket of this.#pageSockets) socket.destroy();
    // It has no listener of its own, but a timer that watches for slow requests.
    page?.close();
    await unbound;
  }

  answer(port: number, socket: MemorySocket): boolean {
    if (port === SSH_PORT && this.#ssh) {
      this.#ssh.accept(socket);
      return true;
    }
    if (port !== HTTP_PORT || !this.#page) return false;
    this.#pageSockets.add(socket);
    socket.once('close', () => this.#pageSockets.delete(socket));
    this.#page.emit('connection', socket);
    return true;
  }

  async #listen(ssh: SshServer): Promise<Server> {
    const accept = (socket: Socket) => {
      socket.setNoDelay();
      ssh.accept(socket);
    };
    const wished = this.record.port;
    if (wished !== null) {
      const again = await listen(createServer(accept), wished).catch(unlessTaken);
      if (again) return again;
    }
    return listen(createServer(accept), 0);
  }
}

function listen(server: Server, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: LOOPBACK, port }, () => {
      server.removeListener('error', reject);
      // Too many open files: that connection is lost, the machine is not.
      server.on('error', () => undefined);
      resolve(server);
    });
  });
}

function unlessTaken(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error;
}
