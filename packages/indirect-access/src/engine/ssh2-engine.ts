import type { Duplex } from 'node:stream';
import ssh2, { type ParsedKey } from 'ssh2';
import { AccessError, type Phase } from '../errors.ts';
import type { EngineConnectOptions, HostKey, Identity, SshConnection, SshEngine } from './engine.ts';
import { IdentificationReader } from './identification.ts';
import { Ssh2Connection } from './ssh2-connection.ts';
import { internals, type Protocol } from './ssh2-internals.ts';

/** ssh2 as the engine: tuned for few round trips and little CPU, its handshake split into our phases. */
export const ssh2Engine: SshEngine = {
  async connect(stream: Duplex, options: EngineConnectOptions): Promise<SshConnection> {
    try {
      return await new Handshake(stream, options).run();
    } catch (error) {
      stream.destroy();
      throw error;
    }
  },
};

// One curve first: what OpenSSH prefers itself costs both sides ten times the CPU. The rest is for old servers.
const KEY_EXCHANGES = ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256'] as const;
const CIPHERS = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes256-ctr'] as const;
const MACS = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'] as const;
const HOST_KEY_TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

class Handshake {
  readonly #stream: Duplex;
  readonly #options: EngineConnectOptions;
  readonly #client = new ssh2.Client();
  readonly #banner = new IdentificationReader();
  #phase: Phase = 'banner';
  #timer: NodeJS.Timeout | undefined;
  #serverVersion = '';
  #trusted: Buffer | undefined;
  #reject: (error: Error) => void = () => {};

  constructor(stream: Duplex, options: EngineConnectOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  async run(): Promise<SshConnection> {
    const { signal, identities } = this.#options;
    signal?.throwIfAborted();
    const keys = identities.map(parseIdentity);
    const onAbort = () => this.#fail(signal?.reason);
    const onGone = () => this.#fail(this.#goneError());
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#stream.once('end', onGone).once('close', onGone);
    try {
      return await new Promise<SshConnection>((resolve, reject) => {
        this.#reject = reject;
        // Stays for the life of the client: ssh2 emits errors at any time, and one without a listener is fatal.
        this.#client.on('error', (error) => this.#fail(this.#classify(error)));
        this.#client.once('handshake', () => this.#enter('authentication'));
        this.#client.once('ready', () =>
          resolve(new Ssh2Connection(this.#client, this.#stream, this.#serverVersion)),
        );
        this.#enter('banner');
        this.#start(keys);
      });
    } finally {
      this.#reject = () => {};
      clearTimeout(this.#timer);
      signal?.removeEventListener('abort', onAbort);
      this.#stream.off('end', onGone).off('close', onGone);
    }
  }

  #start(keys: readonly ParsedKey[]): void {
    const { user, keepalive, hostKeyTypes } = this.#options;
    const untried = [...keys];
    this.#client.connect({
      sock: this.#stream as never,
      username: user,
      readyTimeout: 0,
      keepaliveInterval: keepalive.interval,
      keepaliveCountMax: keepalive.missed,
      algorithms: {
        kex: [...KEY_EXCHANGES],
        serverHostKey: offeredHostKeys(hostKeyTypes) as never,
        cipher: [...CIPHERS],
        hmac: [...MACS],
        compress: ['none'],
      },
      // Without a verifier ssh2 accepts every key.
      hostVerifier: (blob: Buffer, answer: (permitted: boolean) => void): boolean | undefined => {
        // A key exchange later in the connection's life must show the same key again. It must be answered at
        // once: while it waits, ssh2 sends what is written meanwhile as garbage.
        if (this.#trusted) return this.#trusted.equals(blob);
        this.#verify(blob).then(
          () => answer(true),
          (error) => {
            this.#fail(error);
            answer(false);
          },
        );
        return undefined;
      },
      // One try with each key, and no `none` before it: each costs a round trip.
      authHandler: ((_left: unknown, _partial: unknown, next: (auth: unknown) => void) => {
        const key = untried.shift();
        next(key ? { type: 'publickey', username: user, key } : false);
      }) as never,
    });
    const protocol = internals(this.#client)._protocol;
    this.#readIdentification(protocol);
    signAtOnce(protocol);
    leaveHostKeysAlone(protocol);
  }

  #readIdentification(protocol: Protocol): void {
    protocol.parse = (chunk, from, length) => {
      const found = this.#banner.take(chunk.subarray(from, length));
      if (!found) return;
      this.#serverVersion = found.line;
      Reflect.deleteProperty(protocol, 'parse');
      this.#enter('key-exchange');
      protocol.parse(found.bytes, 0, found.bytes.length);
    };
  }

  async #verify(blob: Buffer): Promise<void> {
    this.#enter('host-key');
    await this.#options.verifyHostKey(hostKey(blob));
    this.#trusted = Buffer.from(blob);
    if (this.#phase === 'host-key') this.#enter('key-exchange');
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#options.onPhase?.(phase);
    clearTimeout(this.#timer);
    const { banner, keyExchange, authentication } = this.#options.deadlines;
    const milliseconds =
      phase === 'banner' ? banner : phase === 'authentication' ? authentication : keyExchange;
    this.#timer = setTimeout(() => this.#fail(this.#lateError(milliseconds)), milliseconds);
  }

  #fail(error: Error): void {
    this.#reject(error);
    this.#reject = () => {};
    clearTimeout(this.#timer);
    if (!this.#client.listenerCount('ready')) return;
    this.#client.removeAllListeners('ready');
    this.#stream.destroy();
  }

  #lateError(milliseconds: number): AccessError {
    if (this.#phase === 'banner') return this.#banner.explain(false);
    return new AccessError(`no answer within ${milliseconds} ms (${this.#phase})`, {
      code: 'TIMEOUT',
      phase: this.#phase,
      retryable: true,
    });
  }

  #goneError(cause?: unknown): AccessError {
    // An error of ours is that of the way below: the machine itself has not closed anything.
    if (this.#phase === 'banner' && !(cause instanceof AccessError)) return this.#banner.explain(true, cause);
    return new AccessError(`the connection was lost (${this.#phase})`, {
      code: 'CONNECTION_LOST',
      phase: this.#phase,
      retryable: true,
      cause,
    });
  }

  #classify(error: Error & { level?: string; code?: unknown }): AccessError {
    // What was lost below was lost for a command there, if any; up here nothing can have run yet.
    if (error instanceof AccessError)
      return error.code === 'CONNECTION_LOST' ? this.#goneError(error) : error;
    if (error.level === 'client-authentication') {
      return new AccessError(`refused the key for user ${this.#options.user}`, {
        code: 'AUTHENTICATION_FAILED',
        phase: 'authentication',
        hint: "check the user's name and that its authorized_keys holds the public key of this credential",
        cause: error,
      });
    }
    // DISCONNECT during authentication: too many failures, account not allowed, …
    if (this.#phase === 'authentication' && typeof error.code === 'number') {
      return new AccessError('ended the authentication', {
        code: 'AUTHENTICATION_FAILED',
        phase: 'authentication',
        cause: error,
      });
    }
    if (error.level === 'client-socket' || error.level === 'client-timeout' || this.#phase === 'banner') {
      return this.#goneError(error);
    }
    return new AccessError('the key exchange failed', {
      code: this.#phase === 'authentication' ? 'CONNECTION_LOST' : 'KEY_EXCHANGE_FAILED',
      phase: this.#phase,
      hint: 'no algorithm in common, or a damaged stream',
      cause: error,
    });
  }
}

/** Sends the signature with the first request instead of asking whether the key would do (RFC 4252 section 7). */
function signAtOnce(protocol: Protocol): void {
  const ask = protocol.authPK;
  protocol.authPK = (user, key, algorithm, sign) => {
    const hash =
      algorithm === 'rsa-sha2-512' ? 'sha512' : algorithm === 'rsa-sha2-256' ? 'sha256' : undefined;
    const signer = (data: Buffer, done: (signature: Buffer) => void) => done(key.sign(data, hash) as Buffer);
    ask.call(protocol, user, key, algorithm, sign ?? signer);
  };
}

/**
 * OpenSSH announces its other host keys after each authentication, and ssh2 asks it to prove them all: a
 * signature with each, of which RSA alone costs the machine as much as the rest of the handshake. Pins are not
 * rotated that way here.
 */
function leaveHostKeysAlone(protocol: Protocol): void {
  const { GLOBAL_REQUEST: handle } = protocol._handlers;
  protocol._handlers.GLOBAL_REQUEST = (source, name, wantReply, data) => {
    if (name !== 'hostkeys-00@openssh.com') handle(source, name, wantReply, data);
    else if (wantReply) source.requestFailure();
  };
}

export function parseIdentity(identity: Identity): ParsedKey {
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(
    identity.privateKey,
    identity.passphrase,
  );
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key && !(key instanceof Error) && key.isPrivateKey()) return key;
  // The parser's message is not passed on: it may quote what it could not parse.
  throw new AccessError('the credential holds no usable private key (wrong format or passphrase)', {
    code: 'AUTHENTICATION_FAILED',
    phase: 'authentication',
    hint: 'OpenSSH or PEM text of an ed25519, ECDSA or RSA key is needed',
  });
}

function offeredHostKeys(pinned: readonly string[] | undefined): string[] {
  const offered = HOST_KEY_TYPES.filter(
    (type) => !pinned || pinned.includes(type) || (type.startsWith('rsa-') && pinned.includes('ssh-rsa')),
  );
  return offered.length > 0 ? offered : [...HOST_KEY_TYPES];
}

function hostKey(blob: Buffer): HostKey {
  const length = blob.readUInt32BE(0);
  return { type: blob.subarray(4, 4 + length).toString('latin1'), blob: Buffer.from(blob) };
}
