import { type Cipher, createCipheriv, createHash, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { AccessError } from '../errors.ts';
import type { Route } from '../route.ts';
import type { Sessions } from '../session.ts';
import { drained } from './drained.ts';
import { ScriptProcess } from './script-process.ts';
import { serveScript, serveWords } from './spread-scripts.ts';

export interface SpreadSpec {
  /** Of the proxy, among its machines: there, and nowhere else, it listens for the portion. */
  readonly address: string;
  /** Bytes. */
  readonly length: number;
  readonly signal?: AbortSignal;
}

/** All that a machine needs to fetch a portion. It goes to machines by their own sessions and nowhere else. */
export interface SpreadPortion {
  /** Of the file. */
  readonly offset: number;
  readonly length: number;
  /** Of these bytes, in hex. */
  readonly sha256: string;
  readonly address: string;
  readonly port: number;
  readonly token: string;
  readonly key: string;
}

/** Milliseconds for the proxy to have all that it was sent and to listen. */
const answerDeadline = 60_000;
/** Seconds after which it stops by itself, whatever becomes of who asked it. */
const lifetime = 600;
/** What `openssl enc -pbkdf2` takes. */
const iterations = 10_000;

/**
 * A portion that lies on a proxy, for the machines behind it to fetch: encrypted under a key of its own (AES-256-CTR, as
 * `openssl enc -pbkdf2` has it), which the proxy never sees, in the memory of one process, which ends with this.
 */
export class Spread {
  readonly #script: ScriptProcess;
  readonly #spec: SpreadSpec;
  readonly #token: string;
  readonly #key: string;
  readonly #cipher: Cipher;
  readonly #name: string;
  readonly #hash = createHash('sha256');

  private constructor(
    script: ScriptProcess,
    spec: SpreadSpec,
    token: string,
    key: string,
    cipher: Cipher,
    name: string,
  ) {
    this.#script = script;
    this.#spec = spec;
    this.#token = token;
    this.#key = key;
    this.#cipher = cipher;
    this.#name = name;
  }

  /** Rejects when the proxy runs no commands; what else it lacks is found out later. */
  static async open(sessions: Pick<Sessions, 'spawn'>, proxy: Route, spec: SpreadSpec): Promise<Spread> {
    const { address, length, signal } = spec;
    if (!/^[0-9a-fA-F.:]+$/.test(address))
      throw new AccessError('not an address to listen on', { code: 'INVALID_ARGUMENT' });
    const [token, key] = [randomBytes(24).toString('hex'), randomBytes(32).toString('hex')];
    const salt = randomBytes(8);
    const derived = await promisify(pbkdf2)(key, salt, iterations, 48, 'sha256');
    const cipher = createCipheriv('aes-256-ctr', derived.subarray(0, 32), derived.subarray(32));
    // `openssl enc` begins with the salt.
    const head = Buffer.concat([Buffer.from('Salted__'), salt]);
    const words = [address, '0', String(length + head.length), String(lifetime)];
    const command = ['sh', '-c', serveScript, 'wadi-spread', ...serveWords, ...words];
    const process = await sessions.spawn(proxy, command, signal ? { signal } : {});
    const { name } = proxy.machine;
    const script = new ScriptProcess(process, {
      machine: name,
      action: 'upload',
      path: 'a portion to spread',
    });
    process.stdin.write(`${token}\n`);
    process.stdin.write(head);
    return new Spread(script, spec, token, key, cipher, name);
  }

  /** Resolves when there is room for more. */
  async write(bytes: Buffer): Promise<void> {
    const { stdin } = this.#script.process;
    this.#hash.update(bytes);
    if (stdin.destroyed) throw await this.#script.failure();
    if (stdin.write(this.#cipher.update(bytes))) return;
    await drained(stdin, this.#name);
    if (stdin.destroyed) throw await this.#script.failure();
  }

  /** After the last byte: where machines find it. */
  async listen(offset: number): Promise<SpreadPortion> {
    const said = await this.#script.line(answerDeadline);
    const [, port] = /^port (\d{1,5})$/.exec(said) ?? [];
    if (port === undefined)
      throw new AccessError('the proxy does not say where it listens', { code: 'COMMAND_FAILED' });
    return {
      ...{ offset, length: this.#spec.length, sha256: this.#hash.digest('hex') },
      ...{ address: this.#spec.address, port: Number(port), token: this.#token, key: this.#key },
    };
  }

  /** Nothing is left on the proxy. */
  close(): void {
    this.#script.process.stdin.end();
    this.#script.process.stdout.resume();
    this.#script.process.exit.catch(() => undefined);
  }
}
