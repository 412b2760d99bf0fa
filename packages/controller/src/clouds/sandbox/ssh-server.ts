import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AuthContext, Connection, ParsedKey, ServerChannel, Session } from 'ssh2';
import ssh2 from 'ssh2';
import { type Place, type RunningCommand, startCommand } from './command.ts';
import type { MemorySocket } from './memory-socket.ts';

/** The one account that a machine lets in. */
export const LOGIN_USER = 'wadi';

/** As sshd's MaxSessions, LoginGraceTime (here in milliseconds) and MaxAuthTries; connections at all. */
const limits = { sessions: 10, loginGrace: 30_000, attempts: 6, connections: 500 };

export interface SshServerOptions {
  /** Private key in OpenSSH's format. */
  readonly hostKey: string;
  /** Public key that is let in, and no other. */
  readonly authorizedKey: string;
  readonly place: Place;
  /** Opens a connection as the machine would; undefined: refused. */
  dial(host: string, port: number): MemorySocket | undefined;
  /** A new SFTP session on the machine's files. */
  sftp(): Duplex;
  readonly counters: Counters;
}

export interface Counters {
  /** Connections that were let in and are open. */
  connections: number;
  /** direct-tcpip channels that are open. */
  openChannels: number;
  /** … that were ever opened. */
  forwardedChannels: number;
}

/** A machine's sshd: speaks SSH on every byte stream that it is given. */
export class SshServer {
  readonly #options: SshServerOptions;
  readonly #server: InstanceType<typeof ssh2.Server>;
  readonly #authorizedKey: ParsedKey;
  readonly #streams = new Set<Duplex>();
  readonly #ends = new Set<() => void>();

  constructor(options: SshServerOptions) {
    this.#options = options;
    const key = ssh2.utils.parseKey(options.authorizedKey);
    if (key instanceof Error) throw new Error(`the authorized key cannot be read: ${key.message}`);
    this.#authorizedKey = key;
    this.#server = new ssh2.Server({ hostKeys: [options.hostKey], ident: 'WadiSandbox' });
    this.#server.on('connection', (client) => this.#welcome(client));
    this.#server.on('error', () => undefined);
  }

  /** Takes a connection, from loopback or from inside the private network. */
  accept(stream: Duplex): void {
    if (this.#streams.size >= limits.connections) {
      stream.destroy();
      return;
    }
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    this.#server.injectSocket(stream as Socket);
  }

  /** Drops every connection as a machine does that loses its power. */
  close(): void {
    for (const end of this.#ends) end();
    for (const stream of this.#streams) stream.destroy();
  }

  #welcome(client: Connection): void {
    const { counters } = this.#options;
    const commands = new Set<RunningCommand>();
    const sockets = new Set<Duplex>();
    let attempts = 0;
    const grace = setTimeout(() => client.end(), limits.loginGrace);
    const end = () => {
      clearTimeout(grace);
      for (const command of commands) command.hangUp();
      for (const socket of sockets) socket.destroy();
    };
    this.#ends.add(end);
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      attempts += context.method === 'none' ? 0 : 1;
      if (attempts > limits.attempts) client.end();
      else if (this.#mayEnter(context)) context.accept();
      else context.reject(['publickey']);
    });
    client.once('ready', () => {
      clearTimeout(grace);
      counters.connections += 1;
      client.once('close', () => {
        counters.connections -= 1;
      });
    });
    client.once('close', () => {
      this.#ends.delete(end);
      end();
    });
    let sessions = 0;
    client.on('session', (accept, reject) => {
      if (sessions >= limits.sessions) return reject();
      sessions += 1;
      const session = accept();
      session.once('close', () => {
        sessions -= 1;
      });
      this.#serve(session, commands, sockets);
    });
    client.on('tcpip', (accept, reject, { destIP, destPort }) => {
      const socket = this.#options.dial(destIP, destPort);
      if (!socket) return reject();
      counters.forwardedChannels += 1;
      counters.openChannels += 1;
      sockets.add(socket);
      socket.once('close', () => {
        counters.openChannels -= 1;
        sockets.delete(socket);
      });
      join(accept(), socket);
    });
  }

  #mayEnter(context: AuthContext): boolean {
    if (context.method !== 'publickey' || context.username !== LOGIN_USER) return false;
    const known = this.#authorizedKey.getPublicSSH();
    const { data } = context.key;
    if (data.length !== known.length || !timingSafeEqual(data, known)) return false;
    // Without a signature it is the question whether the key would do (RFC 4252 section 7).
    if (!context.signature) return true;
    const { blob, signature, hashAlgo } = context;
    return blob !== undefined && this.#authorizedKey.verify(blob, signature, hashAlgo) === true;
  }

  #serve(session: Session, commands: Set<RunningCommand>, sockets: Set<Duplex>): void {
    const { place, sftp } = this.#options;
    let command: RunningCommand | undefined;
    const environment: Record<string, string> = {};
    const start = (channel: ServerChannel, text: string | null) => {
      const here = { ...place, environment: { ...place.environment, ...environment } };
      command = startCommand(channel, text, here);
      commands.add(command);
    };
    session.once('close', () => {
      if (!command) return;
      command.hangUp();
      commands.delete(command);
    });
    session.on('env', (accept, reject, { key, val }) => {
      // What Debian's sshd lets through.
      if (!/^(LANG|LC_[A-Z]+)$/.test(key)) return reject?.();
      environment[key] = val;
      accept?.();
    });
    // A terminal is refused, so that a client which insists on one says so instead of misbehaving.
    session.on('pty', (_accept, reject) => reject?.());
    session.on('signal', (accept, reject, { name }) => {
      if (command?.signal(name.replace(/^SIG/, ''))) accept?.();
      else reject?.();
    });
    session.on('shell', (accept) => start(accept(), null));
    session.on('exec', (accept, _reject, { command: text }) => start(accept(), text));
    // ssh2's own SFTP server cannot announce extensions and does its work with this process's rights.
    session.on('subsystem', (accept, reject, { name }) => {
      if (name !== 'sftp') return reject?.();
      const files = sftp();
      sockets.add(files);
      files.once('close', () => sockets.delete(files));
      const channel = accept();
      files.once('end', () => channel.exit(0));
      join(channel, files);
      session.once('close', () => files.destroy());
    });
  }
}

/** Passes bytes both ways until either side is done. */
function join(channel: ServerChannel, stream: Duplex): void {
  channel.on('error', () => stream.destroy());
  stream.on('error', () => undefined);
  channel.pipe(stream).pipe(channel);
  channel.once('close', () => stream.destroy());
  stream.once('close', () => {
    channel.close();
    // A channel that nobody reads would never notice its end.
    channel.resume();
  });
}
