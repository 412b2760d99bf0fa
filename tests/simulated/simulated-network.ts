import { type Duplex, duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccessError, type Dial, type SshEngine } from '@wadi/indirect-access';
import { SimulatedConnection } from './simulated-connection.ts';
import type { SimulatedMachine } from './simulated-machine.ts';

/** What a stream leads to, and over which connection. */
export interface SimulatedLink {
  readonly to: SimulatedMachine;
  readonly port: number;
  readonly over: SimulatedConnection | undefined;
}

/** Milliseconds. */
export interface SimulatedTimes {
  readonly roundTrip: number;
  readonly handshake: number;
}

/**
 * A network in memory: the controller can dial the machines that have an address for it, those can dial all others. Its
 * `dial` and `engine` go into AccessOptions; everything above them is the real thing.
 */
export class SimulatedNetwork {
  readonly times: SimulatedTimes;
  readonly #machines = new Map<string, SimulatedMachine>();
  readonly #outside = new Map<string, SimulatedMachine>();
  readonly #links = new WeakMap<Duplex, SimulatedLink>();
  /** Each dial from outside: to whom, and when in milliseconds. */
  readonly dials: { readonly to: string; readonly at: number }[] = [];
  /** `from>to` by name: packets are lost. */
  readonly cuts = new Set<string>();

  constructor(times: SimulatedTimes) {
    this.times = times;
  }

  /** `outside`: the address at which the controller can dial it. */
  add(machine: SimulatedMachine, outside?: string): void {
    this.#machines.set(machine.address, machine);
    if (outside !== undefined) this.#outside.set(outside, machine);
  }

  readonly dial: Dial = async (_hop, { host, port, name }, deadlines, signal) => {
    const at = { hop: name, phase: 'dial', retryable: true } as const;
    await sleep(this.times.roundTrip);
    const machine = this.#outside.get(host);
    this.dials.push({ to: machine?.name ?? host, at: performance.now() });
    if (!machine || machine.state === 'dead' || port !== 22)
      throw new AccessError(`${name}: connection refused`, { code: 'CONNECTION_REFUSED', ...at });
    const answers = await whileFrozen([machine], deadlines.dial, signal);
    if (!answers) throw new AccessError(`${name}: no answer`, { code: 'CONNECTION_TIMEOUT', ...at });
    return this.#stream({ to: machine, port, over: undefined });
  };

  readonly engine: SshEngine = {
    connect: async (stream, options) => {
      const link = this.#links.get(stream);
      if (!link) throw new Error('no stream of this network');
      const { to, over } = link;
      if (!to.beginStartup(over?.machine)) {
        stream.destroy();
        throw new AccessError('closed the connection', {
          code: 'OVERLOADED',
          phase: 'banner',
          retryable: true,
        });
      }
      try {
        const path = [...(over?.path ?? []), to];
        if (!(await whileFrozen(path, options.deadlines.banner, options.signal)))
          throw new AccessError('no SSH identification', { code: 'NOT_SSH', phase: 'banner' });
        await sleep(this.times.handshake);
        await options.verifyHostKey(to.hostKey);
        if (options.signal?.aborted) throw options.signal.reason;
        if (stream.destroyed || to.state === 'dead')
          throw new AccessError('the connection was lost', {
            code: 'CONNECTION_LOST',
            phase: 'key-exchange',
            retryable: true,
          });
        return new SimulatedConnection({ network: this, stream, link, keepalive: options.keepalive });
      } catch (error) {
        stream.destroy();
        throw error;
      } finally {
        to.endStartup(over?.machine);
      }
    },
  };

  find(address: string): SimulatedMachine | undefined {
    return this.#machines.get(address);
  }

  /** A stream from inside a machine. */
  open(to: SimulatedMachine, port: number, over: SimulatedConnection): Duplex {
    return this.#stream({ to, port, over });
  }

  #stream(link: SimulatedLink): Duplex {
    const [near, far] = duplexPair();
    this.#links.set(near, link);
    far.on('error', () => {});
    near.once('close', () => far.destroy());
    link.to.servers.get(link.port)?.(far);
    return near;
  }
}

/** False: not within the time. Rejects with the signal's reason. */
export async function whileFrozen(
  machines: readonly SimulatedMachine[],
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const end = performance.now() + milliseconds;
  for (;;) {
    if (signal?.aborted) throw signal.reason;
    const frozen = machines.find(({ state }) => state === 'frozen');
    if (!frozen) return true;
    const left = end - performance.now();
    if (left <= 0) return false;
    const stop = new AbortController();
    const onAbort = () => stop.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const rest = sleep(Math.min(left, 1_000_000), undefined, { signal: stop.signal }).catch(() => {});
    await Promise.race([frozen.changed(), rest]);
    signal?.removeEventListener('abort', onAbort);
    stop.abort();
  }
}
