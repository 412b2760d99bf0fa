import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { cancelled } from '../deadline.ts';
import { AccessError } from '../errors.ts';
import { ChannelInput, ChannelOutput, ChannelStream } from './channel-stream.ts';
import {
  ChannelOpenError,
  type ExecChannel,
  type ExecExit,
  type SshConnection,
  type TerminalChannel,
  type TerminalRequest,
} from './engine.ts';
import {
  type Channel,
  internals,
  PACKET,
  type PendingChannel,
  type Protocol,
  WINDOW,
} from './ssh2-internals.ts';

export class Ssh2Connection implements SshConnection {
  readonly serverVersion: string;
  readonly closed: Promise<Error | undefined>;
  readonly #client: Client;
  readonly #stream: Duplex;
  /** Told at once when the connection is gone; ssh2 tells a channel only when somebody reads it. */
  readonly #watchers = new Set<() => void>();
  wasClosedHere = false;
  #open = true;
  #reason: Error | undefined;

  constructor(client: Client, stream: Duplex, serverVersion: string) {
    this.#client = client;
    this.#stream = stream;
    this.serverVersion = serverVersion;
    client.on('error', (error) => {
      this.#reason ??= error;
      stream.destroy();
    });
    // A peer that ends its half is gone: SSH has no half-open connections.
    stream.once('end', () => stream.destroy());
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#open = false;
        for (const tell of this.#watchers) tell();
        this.#watchers.clear();
        resolve(this.#reason);
      });
    });
  }

  get isOpen(): boolean {
    return this.#open && !this.#stream.destroyed && this.#stream.writable;
  }

  async exec(command: string, signal?: AbortSignal, opened?: () => void): Promise<ExecChannel> {
    const channel = await this.#openSession(signal, opened);
    // Before the request: its answer and the exit message of a short command can come in one packet.
    const process = this.#execChannel(channel);
    await this.#request(channel, 'the command', (protocol, id) => protocol.exec(id, command, true));
    return process;
  }

  async terminal(
    { columns, rows, term, command }: TerminalRequest,
    signal?: AbortSignal,
    opened?: () => void,
  ): Promise<TerminalChannel> {
    const channel = await this.#openSession(signal, opened);
    const process = this.#execChannel(channel);
    await this.#request(channel, 'a terminal', (protocol, id) =>
      protocol.pty(id, rows, columns, 0, 0, term, null, true),
    ).catch((error) => {
      throw error instanceof ChannelOpenError ? noTerminal(error) : error;
    });
    await this.#request(channel, 'the shell', (protocol, id) =>
      command === undefined ? protocol.shell(id, true) : protocol.exec(id, command, true),
    );
    return {
      ...process,
      resize: (size) => {
        if (!this.#open || !channel.writable) return;
        internals(this.#client)._protocol.windowChange(channel.outgoing.id, size.rows, size.columns, 0, 0);
      },
    };
  }

  /** Resolves when the server has granted it. `what` in words. */
  #request(channel: Channel, what: string, send: (protocol: Protocol, id: number) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      channel._callbacks.push((failed) => {
        if (!failed) return resolve();
        channel.close();
        if (this.#open) reject(new ChannelOpenError(`the server refused ${what}`, 0));
        // It was on its way: nobody knows whether it started.
        else reject(this.#lostError(false));
      });
      send(internals(this.#client)._protocol, channel.outgoing.id);
    });
  }

  async openTcp(host: string, port: number, signal?: AbortSignal): Promise<Duplex> {
    signal?.throwIfAborted();
    this.#mustBeOpen();
    return new Promise((resolve, reject) => {
      this.#client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (error) return reject(this.#openError(error));
        const stream = new ChannelStream(channel as unknown as Channel, this.#lost);
        const tell = () => stream.destroy(this.#lost());
        this.#watchers.add(tell);
        stream.once('close', () => this.#watchers.delete(tell));
        if (!signal?.aborted) return resolve(stream);
        stream.destroy();
        reject(cancelled(signal));
      });
    });
  }

  async close(): Promise<void> {
    if (this.#open) {
      this.wasClosedHere ||= this.isOpen;
      this.#client.end();
      this.#stream.destroy();
    }
    await this.closed;
  }

  /** Only the channel, without a request yet: a caller who gave up meanwhile must not start a command. */
  #openSession(signal?: AbortSignal, opened?: () => void): Promise<Channel> {
    signal?.throwIfAborted();
    this.#mustBeOpen();
    const { _chanMgr, _protocol } = internals(this.#client);
    return new Promise((resolve, reject) => {
      const pending: PendingChannel = (error, channel) => {
        if (error) return reject(this.#openError(error));
        opened?.();
        if (!signal?.aborted) return resolve(channel);
        channel.resume();
        channel.stderr.resume();
        channel.close();
        reject(cancelled(signal));
      };
      pending.type = 'session';
      _protocol.session(_chanMgr.add(pending), WINDOW, PACKET);
    });
  }

  #execChannel(channel: Channel): ExecChannel {
    let exit: ExecExit | undefined;
    const stdin = new ChannelInput(channel, this.#lost);
    const stdout = new ChannelOutput(channel, this.#lost);
    const stderr = new ChannelOutput(channel.stderr, this.#lost);
    // Registered here, before anything else can happen: the exit message may be in the packet after this one.
    let closed = () => {};
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const ended = new Promise<ExecExit>((resolve) => {
      channel.once('exit', (status: number | null, signal?: string) => {
        exit = status === null ? { signal: (signal ?? 'SIG').replace(/^SIG/, '') } : { status };
        resolve(exit);
      });
      const tell = () => {
        resolve(exit ?? { lost: true });
        closed();
        for (const stream of [stdin, stdout, stderr]) stream.destroy(this.#lost());
      };
      this.#watchers.add(tell);
      channel.once('close', () => {
        this.#watchers.delete(tell);
        resolve(exit ?? (this.#open ? {} : { lost: true }));
        closed();
      });
    });
    return {
      stdin,
      stdout,
      stderr,
      exit: ended,
      closed: gone,
      close() {
        stdin.destroy();
        stdout.destroy();
        stderr.destroy();
        channel.close();
      },
    };
  }

  #mustBeOpen(): void {
    if (!this.isOpen) throw this.#lostError(true);
  }

  #openError(error: Error & { reason?: unknown }): Error {
    const message = saidBy(error);
    if (typeof error.reason === 'number') return new ChannelOpenError(message, error.reason);
    return this.#open ? new ChannelOpenError(message, 0) : this.#lostError(true);
  }

  readonly #lost = (): Error | undefined => (this.#open ? undefined : this.#lostError(false));

  #lostError(retryable: boolean): AccessError {
    return new AccessError('the connection was lost', {
      code: 'CONNECTION_LOST',
      retryable,
      cause: this.#reason,
    });
  }
}

function noTerminal(cause: ChannelOpenError): AccessError {
  return new AccessError('refused a terminal', {
    code: 'CHANNEL_REFUSED',
    phase: 'channel',
    hint: 'run commands instead, or allow terminals there: PermitTTY of its sshd_config, no-pty of its authorized_keys',
    cause,
  });
}

/** The server's own words, which may be none, without ssh2's before them and without control characters. */
function saidBy({ message }: Error): string {
  return message
    .replace(/^\(SSH\) Channel open failure: ?/, '')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200);
}
