import { type Duplex, Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AccessError,
  ChannelOpenError,
  type ExecChannel,
  type ExecExit,
  type SshConnection,
} from '@wadi/indirect-access';
import type { SimulatedMachine } from './simulated-machine.ts';
import { type SimulatedLink, type SimulatedNetwork, whileFrozen } from './simulated-network.ts';

export interface SimulatedConnectionParts {
  readonly network: SimulatedNetwork;
  readonly stream: Duplex;
  readonly link: SimulatedLink;
  readonly keepalive: { readonly interval: number; readonly missed: number };
}

const forEver = 3_600_000;

/** An SSH connection in memory. */
export class SimulatedConnection implements SshConnection {
  readonly serverVersion = 'SSH-2.0-Simulated';
  readonly closed: Promise<Error | undefined>;
  readonly machine: SimulatedMachine;
  /** All machines on the way, this one last. */
  readonly path: readonly SimulatedMachine[];
  wasClosedHere = false;
  readonly #parts: SimulatedConnectionParts;
  readonly #ends = new Set<() => void>();
  #sessions = 0;
  #open = true;
  #gone: (reason: Error | undefined) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: SimulatedConnectionParts) {
    this.#parts = parts;
    const { link, stream } = parts;
    this.machine = link.to;
    this.path = [...(link.over?.path ?? []), link.to];
    this.closed = new Promise((resolve) => {
      this.#gone = resolve;
    });
    stream.once('close', () => this.#end(new Error('the way below broke')));
    this.machine.connections.add(this);
    if (this.machine.state === 'frozen') this.startWaiting();
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** The machine has fallen silent. */
  startWaiting(): void {
    const { interval, missed } = this.#parts.keepalive;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        if (this.machine.state === 'frozen') this.break('Keepalive timeout');
      },
      interval * (missed + 1),
    );
  }

  break(reason: string): void {
    this.#end(new Error(reason));
  }

  async close(): Promise<void> {
    if (this.#open) this.wasClosedHere = true;
    this.#end(undefined);
  }

  async openTcp(host: string, port: number, signal?: AbortSignal): Promise<Duplex> {
    await this.#answers(signal);
    const { network } = this.#parts;
    await sleep(network.times.roundTrip);
    const target = network.find(host);
    if (!target || target.state === 'dead' || (port !== 22 && !target.servers.has(port)))
      throw new ChannelOpenError('Connection refused', 2);
    if (network.cuts.has(`${this.machine.name}>${target.name}`)) await this.#untilOver(signal);
    await this.#answers(signal, [...this.path, target]);
    const stream = network.open(target, port, this);
    const end = () => stream.destroy(this.#lost(false));
    this.#ends.add(end);
    stream.once('close', () => this.#ends.delete(end));
    return stream;
  }

  async terminal(): Promise<never> {
    throw new ChannelOpenError('the server refused a terminal', 0);
  }

  async exec(command: string, signal?: AbortSignal, opened?: () => void): Promise<ExecChannel> {
    await this.#answers(signal);
    if (this.#sessions >= this.machine.limits.maxSessions) {
      this.machine.refusedSessions += 1;
      throw new ChannelOpenError('open failed', 1);
    }
    this.#sessions += 1;
    opened?.();
    return this.#run(command, () => {
      this.#sessions -= 1;
    });
  }

  #run(command: string, over: () => void): ExecChannel {
    const stdout = new Readable({ read() {} }).on('error', () => {});
    const stderr = new Readable({ read() {} }).on('error', () => {});
    const stdin = new Writable({ write: (_chunk, _encoding, done) => done() }).on('error', () => {});
    let settle: (exit: ExecExit) => void = () => {};
    const exit = new Promise<ExecExit>((resolve) => {
      settle = resolve;
    });
    let finish: () => void = () => {};
    const closed = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let done = false;
    const end = (result: ExecExit) => {
      if (done) return;
      done = true;
      this.#ends.delete(broken);
      over();
      settle(result);
      finish();
    };
    const broken = () => {
      for (const stream of [stdin, stdout, stderr]) stream.destroy(this.#lost(false));
      end({ lost: true });
    };
    this.#ends.add(broken);
    const carryOut = async () => {
      await this.#answers(undefined);
      if (done) return;
      const { started } = this.machine;
      for (const [name] of command.matchAll(/op-\d+/g)) started.set(name, (started.get(name) ?? 0) + 1);
      const [, marker] = /echo ([0-9a-f]{24}) \$\$ && echo [0-9a-f]{24} >&2/.exec(command) ?? [];
      const [, word = ''] = /^echo ([0-9a-f]+)$/.exec(command) ?? [];
      await sleep(this.#parts.network.times.roundTrip);
      await this.#answers(undefined);
      if (done) return;
      stdout.push(marker ? `${marker} 1234\n${this.machine.name}\n` : `${word}\n`);
      stderr.push(marker ? `${marker}\n` : '');
      stdout.push(null);
      stderr.push(null);
      end({ status: 0 });
    };
    carryOut().catch(broken);
    const close = () => {
      for (const stream of [stdin, stdout, stderr]) stream.destroy();
      end({});
    };
    return { stdin, stdout, stderr, exit, closed, close };
  }

  /** As soon as all on the way do; rejects when it is over before. */
  async #answers(signal: AbortSignal | undefined, machines = this.path): Promise<void> {
    if (!this.#open) throw this.#lost(true);
    if (machines.every(({ state }) => state === 'up')) return;
    const over = this.closed.then(() => {
      throw this.#lost(true);
    });
    over.catch(() => {});
    await Promise.race([whileFrozen(machines, forEver, signal), over]);
    if (!this.#open) throw this.#lost(true);
  }

  async #untilOver(signal: AbortSignal | undefined): Promise<never> {
    const aborted = new Promise<never>((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    await Promise.race([aborted, this.closed]);
    throw this.#lost(true);
  }

  #end(reason: Error | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    this.machine.connections.delete(this);
    this.#parts.stream.destroy();
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
    this.#gone(reason);
  }

  #lost(retryable: boolean): AccessError {
    return new AccessError('the connection was lost', { code: 'CONNECTION_LOST', retryable });
  }
}
