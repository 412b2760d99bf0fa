import type { Duplex } from 'node:stream';
import { AccessError, ChannelStream } from '@wadi/indirect-access';
import type { Connection, ServerChannel } from 'ssh2';

type Channel = ConstructorParameters<typeof ChannelStream>[0];

/** The connection of one machine that has dialled in, and the one forward that it has asked for. */
export class AgentConnection {
  readonly id: string;
  readonly instanceId: string;
  /** `type base64`. */
  readonly key: string;
  /** Address of the machine, as it is seen here. */
  readonly source: string;
  readonly #client: Connection;
  #forward: { readonly host: string; readonly port: number } | undefined;
  #gone = false;

  constructor(client: Connection, about: Pick<AgentConnection, 'id' | 'instanceId' | 'key' | 'source'>) {
    this.#client = client;
    this.id = about.id;
    this.instanceId = about.instanceId;
    this.key = about.key;
    this.source = about.source;
    client.once('close', () => {
      this.#gone = true;
    });
  }

  get isOpen(): boolean {
    return !this.#gone && this.#forward !== undefined;
  }

  /** Of its own choice and never opened here; false: it has one. */
  takeForward(host: string, port: number): boolean {
    if (this.#forward) return false;
    this.#forward = { host, port };
    return true;
  }

  /**
   * A stream to the machine's own sshd. It has no half that ends alone: ssh2's server closes the whole channel, which is
   * the same to SSH.
   */
  open(signal: AbortSignal): Promise<Duplex> {
    const forward = this.#forward;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (!forward || this.#gone) return reject(lost());
      const onAbort = () => {
        this.#client.off('close', onClose);
        reject(signal.reason);
      };
      const onClose = () => reject(lost());
      signal.addEventListener('abort', onAbort, { once: true });
      this.#client.once('close', onClose);
      this.#client.forwardOut(forward.host, forward.port, '127.0.0.1', 1, (error, channel) => {
        signal.removeEventListener('abort', onAbort);
        this.#client.off('close', onClose);
        if (error) return reject(refused(error));
        const stream = new ChannelStream(channel as unknown as Channel, () =>
          this.#gone ? lost() : undefined,
        );
        if (signal.aborted) stream.destroy();
        else resolve(stream);
      });
    });
  }

  close(): void {
    this.#client.end();
  }
}

/** For another controller that has asked for it. */
export function passOn(stream: Duplex, channel: ServerChannel): void {
  channel.on('error', () => stream.destroy());
  stream.on('error', () => undefined);
  channel.pipe(stream).pipe(channel);
  channel.once('close', () => stream.destroy());
  stream.once('close', () => {
    channel.close();
    channel.resume();
  });
}

function lost(): AccessError {
  return new AccessError('the connection of its agent is gone', {
    code: 'CONNECTION_LOST',
    phase: 'dial',
    hint: 'the agent dials again by itself',
    retryable: true,
  });
}

function refused(cause: Error): AccessError {
  return new AccessError('its agent is there, but cannot connect to its own sshd', {
    code: 'CONNECTION_REFUSED',
    phase: 'dial',
    hint: 'does sshd run on the machine, at the port that the cluster has for it?',
    retryable: true,
    cause,
  });
}
