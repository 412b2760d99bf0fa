import { randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import { AgentConnection, passOn } from './agent-connection.ts';
import { Doorkeeper, type Visit } from './doorkeeper.ts';
import { readProxyHeader } from './proxy-header.ts';

export interface EndpointParts {
  /** Private, in OpenSSH's format. */
  readonly hostKey: string;
  /** Public, `type base64`: what other controllers show. */
  readonly peerKey: string;
  readonly log: Logger;
  /** The instance that has enrolled with this key. */
  findAgent(publicKey: string): Promise<string | undefined>;
  /** Takes a one-time token; the answer is what the machine is to run, or what is told it instead. */
  enroll(token: string, publicKey: string, source: string): Promise<{ readonly script: string } | string>;
  /** It may be used from now on. */
  onAgent(agent: AgentConnection): void;
  onAgentGone(agent: AgentConnection): void;
  /** Another controller asks for the machine; undefined: it is not connected here. */
  findConnection(instanceId: string): AgentConnection | undefined;
  /** Whether a balancer has this address: it says by the PROXY protocol who is behind a connection. Absent: there is none. */
  readonly isBalancer?: (address: string) => boolean;
  readonly limits?: Partial<EndpointLimits>;
}

export interface EndpointLimits {
  readonly strangers: number;
  readonly strangersPerAddress: number;
  readonly connections: number;
  /** Milliseconds until a connection has shown who it is, or has enrolled. */
  readonly grace: number;
  /** Bytes that a stranger may send. */
  readonly bytes: number;
  readonly attempts: number;
}

const defaults: EndpointLimits = {
  ...{ strangers: 64, strangersPerAddress: 8, connections: 20_000 },
  ...{ grace: 20_000, bytes: 32 * 1024, attempts: 6 },
};

/** Of a token; what is longer is none. */
const longestToken = 128;
const algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'],
  compress: ['none'],
} as const;

/** Milliseconds in which a balancer says who is behind a connection. */
const balancerDeadline = 5_000;

/** Where a connection comes from. */
interface Origin {
  readonly address: string;
  /** From a balancer's address without a word of who is behind it: another controller on that computer, or nobody. */
  readonly onlyPeers: boolean;
}

/** Who somebody has shown to be. */
type Guest =
  | { readonly kind: 'enroll'; readonly key: string }
  | { readonly kind: 'agent'; readonly key: string; readonly instanceId: string }
  | { readonly kind: 'peer' };

/**
 * An SSH server for machines that dial in. It gives nobody a shell, a file or a port: an agent may ask for one forward,
 * which ends in this process; a machine that enrolls sends a token and gets a script; another controller gets streams to
 * agents. Limits count from the first byte on, because everybody can connect.
 */
export class AgentEndpoint {
  readonly #parts: EndpointParts;
  readonly #limits: EndpointLimits;
  readonly #door: Doorkeeper;
  readonly #ssh: InstanceType<typeof ssh2.Server>;
  readonly #server: Server;
  readonly #sockets = new Map<Socket, Visit>();
  /** Of balancers, that have not said yet who is behind them. */
  readonly #unannounced = new Set<Socket>();

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.#limits = { ...defaults, ...parts.limits };
    this.#door = new Doorkeeper(this.#limits);
    this.#ssh = new ssh2.Server({
      hostKeys: [parts.hostKey],
      ident: 'Wadi',
      algorithms: algorithms as never,
      keepaliveInterval: 10_000,
      keepaliveCountMax: 3,
    });
    // One for each stranger: ssh2 tells of a client without its socket.
    this.#ssh.setMaxListeners(0).on('error', () => undefined);
    // An error that nobody listens to would end the process, whoever the client is taken for.
    this.#ssh.on('connection', (client) => client.on('error', () => undefined));
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#arrive(socket));
    this.#server.on('error', (error) => parts.log.warn({ err: error }, 'agents: the endpoint'));
  }

  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections in all, and of those that nobody knows yet. */
  stats(): { readonly connections: number; readonly strangers: number } {
    return { connections: this.#sockets.size, strangers: this.#door.strangers };
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of [...this.#sockets.keys(), ...this.#unannounced]) socket.destroy();
    await closed;
  }

  #arrive(socket: Socket): void {
    socket.on('error', () => undefined);
    const address = socket.remoteAddress ?? '';
    if (!this.#parts.isBalancer?.(address)) return void this.#admit(socket, { address, onlyPeers: false });
    this.#unannounced.add(socket);
    void readProxyHeader(socket, balancerDeadline).then((source) => {
      this.#unannounced.delete(socket);
      if (source === undefined || socket.destroyed) return void socket.destroy();
      this.#admit(socket, { address: source ?? address, onlyPeers: source === null });
      socket.resume();
    });
  }

  #admit(socket: Socket, origin: Origin): void {
    const visit = this.#door.enter(origin.address, () => socket.destroy());
    if (!visit) return void socket.destroy();
    this.#sockets.set(socket, visit);
    const grace = setTimeout(() => socket.destroy(), this.#limits.grace);
    let bytes = 0;
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > this.#limits.bytes) socket.destroy();
    };
    socket.on('data', count);
    const known = () => {
      clearTimeout(grace);
      socket.off('data', count);
      visit.known();
    };
    socket.once('close', () => {
      clearTimeout(grace);
      this.#sockets.delete(socket);
      visit.leave();
    });
    const welcome = (client: Connection, { ip, port }: { ip?: string; port?: number }) => {
      // Others may come between a socket and its first line.
      if (ip !== socket.remoteAddress || port !== socket.remotePort) return;
      this.#ssh.off('connection', welcome);
      this.#welcome(client, socket, origin, known);
    };
    this.#ssh.on('connection', welcome);
    socket.once('close', () => this.#ssh.off('connection', welcome));
    this.#ssh.injectSocket(socket);
  }

  #welcome(client: Connection, socket: Socket, origin: Origin, known: () => void): void {
    const { log } = this.#parts;
    const source = origin.address;
    let guest: Guest | undefined;
    let attempts = 0;
    client.on('error', (error) => {
      log.debug({ err: error, source }, 'agents: a connection');
      socket.destroy();
    });
    client.on('authentication', (context) => {
      attempts += context.method === 'none' ? 0 : 1;
      if (attempts > this.#limits.attempts) return void socket.destroy();
      this.#identify(context)
        .catch((error) => {
          log.error({ err: error }, 'agents: a key could not be looked up');
          return undefined;
        })
        .then((found) => {
          if (socket.destroyed) return;
          if (!found || (origin.onlyPeers && found.kind !== 'peer')) return context.reject(['publickey']);
          if (context.method === 'publickey' && context.signature) guest = found;
          context.accept();
        })
        .catch((error) => {
          log.debug({ err: error, source }, 'agents: gone while it was asked who it is');
          socket.destroy();
        });
    });
    client.once('ready', () => {
      if (!guest) return void socket.destroy();
      if (guest.kind === 'enroll') return this.#serveEnrollment(client, guest.key, source);
      known();
      if (guest.kind === 'peer') return this.#servePeer(client);
      this.#serveAgent(client, guest, source);
    });
  }

  /** Nobody, unless the key is one that is known for that name; with a signature, unless it is the key's. */
  async #identify(context: AuthContext): Promise<Guest | undefined> {
    if (context.method !== 'publickey' || context.key.algo !== 'ssh-ed25519') return undefined;
    const { algo, data } = context.key;
    const key = `${algo} ${data.toString('base64')}`;
    const parsed = ssh2.utils.parseKey(key);
    if (parsed instanceof Error || Array.isArray(parsed)) return undefined;
    if (context.signature) {
      const { blob, signature, hashAlgo } = context;
      if (blob === undefined || parsed.verify(blob, signature, hashAlgo) !== true) return undefined;
    }
    if (context.username === 'enroll') return { kind: 'enroll', key };
    if (context.username === 'controller')
      return equal(key, this.#parts.peerKey) ? { kind: 'peer' } : undefined;
    if (context.username !== 'agent') return undefined;
    const instanceId = await this.#parts.findAgent(key);
    return instanceId === undefined ? undefined : { kind: 'agent', key, instanceId };
  }

  #serveAgent(client: Connection, { key, instanceId }: Guest & { kind: 'agent' }, source: string): void {
    const agent = new AgentConnection(client, { id: randomUUID(), instanceId, key, source });
    // Without a forward it is good for nothing, and would only be held.
    const idle = setTimeout(() => client.end(), this.#limits.grace);
    client.on(
      'request',
      (accept, reject, name, { bindAddr, bindPort }: { bindAddr: string; bindPort: number }) => {
        if (name !== 'tcpip-forward' || !agent.takeForward(bindAddr, bindPort)) return reject?.();
        clearTimeout(idle);
        accept?.(bindPort === 0 ? 1 : undefined);
        this.#parts.onAgent(agent);
      },
    );
    client.once('close', () => {
      clearTimeout(idle);
      this.#parts.onAgentGone(agent);
    });
  }

  #servePeer(client: Connection): void {
    client.on('tcpip', (accept, reject, { destIP }) => {
      const agent = this.#parts.findConnection(destIP);
      if (!agent) return reject();
      agent.open(AbortSignal.timeout(this.#limits.grace)).then(
        (stream) => {
          // Undefined when the other controller has gone meanwhile.
          const channel: ServerChannel | undefined = accept();
          if (channel) passOn(stream, channel);
          else stream.destroy();
        },
        () => reject(),
      );
    });
  }

  /** Its key is shown, which is all that it has; the time of a stranger goes on. */
  #serveEnrollment(client: Connection, key: string, source: string): void {
    let served = false;
    client.on('session', (accept, reject) => {
      if (served) return reject();
      served = true;
      const session = accept();
      session.once('shell', (open) => this.#readToken(open(), client, key, source));
      session.once('exec', (open) => this.#readToken(open(), client, key, source));
    });
  }

  #readToken(channel: ServerChannel, client: Connection, key: string, source: string): void {
    const { log } = this.#parts;
    let text = '';
    let asked = false;
    const end = (status: number) => {
      channel.exit(status);
      channel.end();
      // What was written is on its way before the connection ends.
      channel.once('close', () => client.end());
    };
    const ask = () => {
      if (asked) return;
      asked = true;
      this.#parts.enroll(text.trim(), key, source).then(
        (answer) => {
          if (typeof answer === 'string') channel.stderr.write(`wadi: ${answer}\n`);
          else channel.write(answer.script);
          end(typeof answer === 'string' ? 1 : 0);
        },
        (error) => {
          log.error({ err: error }, 'agents: an enrollment failed');
          channel.stderr.write('wadi: the controller failed; its log says why\n');
          end(1);
        },
      );
    };
    channel.on('error', () => undefined);
    channel.stderr.on('error', () => undefined);
    channel.on('data', (chunk: Buffer) => {
      if (asked) return;
      text += chunk.toString('latin1');
      if (text.length > longestToken || text.includes('\n')) ask();
    });
    channel.once('end', ask);
  }
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
