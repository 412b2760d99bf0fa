import type { Duplex } from 'node:stream';
import type { Deadlines } from './access-options.ts';
import type { ConnectionGroup, Lease } from './connection-group.ts';
import { withDeadline } from './deadline.ts';
import { ChannelOpenError } from './engine/engine.ts';
import { AccessError, type UnreachableReason } from './errors.ts';
import type { Events } from './events.ts';
import { runToEnd } from './exec.ts';
import { openChannel } from './open-channel.ts';
import { openRelay, type RelayTarget } from './open-relay.ts';
import { type PrimeResult, prime } from './prime.ts';
import { type RelayProgram, relayProbe, relayPrograms } from './relay.ts';
import { type ProcessSite, startProcess } from './remote-process.ts';
import type { Machine, Relay, RelaySetting } from './route.ts';
import { unreachableHint, unreachableReason } from './unreachable.ts';
import { withReason } from './with-reason.ts';

export interface ProxyOptions {
  readonly machine: Machine;
  readonly relay: RelaySetting;
  readonly jumpOnly: boolean;
  readonly deadlines: Deadlines;
  readonly events: Events;
  readonly replaceLost: boolean;
  group(): ConnectionGroup;
  /** Where the relay programs run. */
  readonly site: ProcessSite;
}

/** Opens streams from inside a machine, and remembers by which means that works there. */
export class ProxyMachine {
  readonly #options: ProxyOptions;
  #jumpOnly: boolean;
  /** Has worked, or is set. */
  #chosen: Relay | undefined;
  #hasWorked = false;
  #program: RelayProgram | undefined;
  #probe: Promise<RelayProgram[]> | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#jumpOnly = options.jumpOnly;
    if (options.relay !== 'auto') this.#chosen = options.relay;
  }

  /** The means in use, once one has worked. */
  get relay(): Relay | undefined {
    return this.#hasWorked ? this.#chosen : undefined;
  }

  get jumpOnly(): boolean {
    return this.#jumpOnly;
  }

  /** Machine id. */
  get id(): string {
    return this.#options.machine.id;
  }

  /** Makes sure of a connection and keeps it from falling idle. */
  hold(signal: AbortSignal): Promise<Lease> {
    return this.#options.group().acquire('stream', signal);
  }

  async open(target: RelayTarget, signal?: AbortSignal): Promise<Duplex> {
    if (this.#chosen && this.#chosen !== 'direct-tcpip') return this.#openRelay(target, signal);
    try {
      return await this.#openDirect(target, signal);
    } catch (error) {
      const forbidden = error instanceof AccessError && error.code === 'FORWARDING_FORBIDDEN';
      // A proxy that has forwarded before forbids this one target, not forwarding.
      if (!forbidden || this.#chosen || this.#jumpOnly) throw error;
      if (await this.#isJumpOnly(signal)) throw error;
      return this.#openRelay(target, signal);
    }
  }

  async #openDirect(target: RelayTarget, signal?: AbortSignal): Promise<Duplex> {
    const { group, machine, deadlines, replaceLost } = this.#options;
    const opening = openChannel<Duplex>(group, {
      kind: 'stream',
      machine,
      replaceLost,
      // The proxy dials before it answers.
      milliseconds: Math.min(deadlines.channel, deadlines.dial),
      signal,
      open: (ssh, ended) => ssh.openTcp(target.host, target.port, ended),
      discard: (late, { release }) => {
        late.once('close', release).destroy();
      },
    });
    let opened: { channel: Duplex; lease: Lease };
    try {
      opened = await opening;
    } catch (error) {
      throw this.#directError(error, target);
    }
    const { channel, lease } = opened;
    channel.once('close', lease.release);
    channel.on('error', () => {});
    this.#prime(lease);
    this.#choose('direct-tcpip');
    return channel;
  }

  /** Does not hold up the stream: it is only about the answers that come through it. */
  #prime(stream: Lease): void {
    const { connection } = stream;
    const { deadlines } = this.#options;
    if (this.#jumpOnly || connection.served || connection.priming) return;
    const lease = stream.beside();
    if (!lease) return;
    connection.priming = prime(lease, deadlines.prime).then((result) => this.#learnShell(result));
  }

  /** Asked only when forwarding was refused: then it decides, so it may take as long as any channel. */
  async #isJumpOnly(signal?: AbortSignal): Promise<boolean> {
    const { group, deadlines } = this.#options;
    const lease = await group().acquire('relay', signal);
    const result = await prime(lease, Math.max(deadlines.prime, deadlines.channel), signal);
    // A shell that was only slow must not be written off for good.
    if (result.shell === 'no' && result.timedOut) return true;
    this.#learnShell(result);
    return this.#jumpOnly;
  }

  #learnShell(result: PrimeResult): void {
    const { machine, events } = this.#options;
    if (result.shell !== 'no' || this.#jumpOnly) return;
    this.#jumpOnly = true;
    events.emit({ type: 'jump-only-found', machine, reason: result.reason });
  }

  async #openRelay(target: RelayTarget, signal?: AbortSignal): Promise<Duplex> {
    try {
      return await this.#openRelayOnce(target, signal);
    } catch (error) {
      throw this.#relayError(error, target);
    }
  }

  async #openRelayOnce(target: RelayTarget, signal?: AbortSignal): Promise<Duplex> {
    const { site, machine, deadlines, relay } = this.#options;
    const candidates = this.#program ? [this.#program] : await this.#programs(signal);
    let failure: AccessError | undefined;
    for (const program of candidates) {
      if (relay !== 'auto' && relay !== program.relay) continue;
      try {
        const stream = await openRelay(site, program, target, deadlines.dial, signal);
        this.#program = program;
        this.#choose(program.relay);
        stream.on('error', () => {});
        return stream;
      } catch (error) {
        if (!(error instanceof AccessError) || error.code !== 'NO_RELAY') throw error;
        failure = error;
      }
    }
    // Somebody may install one.
    this.#probe = undefined;
    throw (
      failure ??
      new AccessError(
        `${machine.name}: forwarding is forbidden, and there is no ${names(relay)} to relay by`,
        {
          code: 'NO_RELAY',
          hop: machine.name,
          phase: 'relay',
          hint: `allow AllowTcpForwarding in ${machine.name}'s sshd_config, or install one of them`,
        },
      )
    );
  }

  async #programs(signal?: AbortSignal): Promise<RelayProgram[]> {
    const { deadlines, machine } = this.#options;
    this.#probe ??= this.#probeOnce();
    const probe = this.#probe;
    const late = () =>
      new AccessError(`${machine.name}: did not tell what relay programs it has`, {
        code: 'TIMEOUT',
        hop: machine.name,
        phase: 'relay',
        retryable: true,
      });
    try {
      const at = { hop: machine.name, phase: 'relay' } as const;
      return await withDeadline(
        { milliseconds: deadlines.start + deadlines.channel, signal, late, at },
        () => probe,
      );
    } catch (error) {
      if (this.#probe === probe && !signal?.aborted) this.#probe = undefined;
      throw error;
    }
  }

  async #probeOnce(): Promise<RelayProgram[]> {
    const { site, deadlines } = this.#options;
    const process = await startProcess(site, relayProbe, { timeout: deadlines.channel });
    const { stdout } = await runToEnd(process, {});
    return relayPrograms(stdout.toString('latin1'));
  }

  #choose(relay: Relay): void {
    if (this.#hasWorked) return;
    this.#hasWorked = true;
    this.#chosen = relay;
    this.#options.events.emit({ type: 'relay-chosen', machine: this.#options.machine, relay });
  }

  /** Whether a program of ours has started on the proxy does not matter to whoever wants to reach the target. */
  #relayError(error: unknown, { name }: RelayTarget): unknown {
    if (!(error instanceof AccessError) || error.retryable) return error;
    const { code } = error;
    if (code !== 'CONNECTION_LOST' && code !== 'TIMEOUT') return error;
    const proxy = this.#options.machine.name;
    const why = code === 'TIMEOUT' ? 'it did not answer in time' : 'the connection was lost';
    return new AccessError(`${proxy}: no relay to ${name}: ${why}`, {
      code,
      hop: proxy,
      phase: 'relay',
      retryable: true,
      cause: error,
    });
  }

  #directError(error: unknown, { host, port, name }: RelayTarget): unknown {
    const proxy = this.#options.machine.name;
    if (error instanceof AccessError && error.code === 'TIMEOUT' && error.phase === 'channel') {
      const message = `${proxy}: no answer from ${name} (${host} port ${port})`;
      return this.#unreachable(message, 'no-answer', { name, port }, error);
    }
    if (!(error instanceof ChannelOpenError)) return error;
    switch (error.reason) {
      case 1:
      case 3:
        return new AccessError(`${proxy}: its sshd forbids forwarding to ${name} (${host} port ${port})`, {
          code: 'FORWARDING_FORBIDDEN',
          hop: proxy,
          phase: 'channel',
          hint: 'AllowTcpForwarding, PermitOpen or a restriction in authorized_keys',
          cause: error,
        });
      case 4:
        return new AccessError(`${proxy}: has no room for another channel`, {
          code: 'OVERLOADED',
          hop: proxy,
          phase: 'channel',
          retryable: true,
          cause: error,
        });
      default:
        return this.#unreachable(
          withReason(`${proxy}: cannot reach ${name} (${host} port ${port})`, error.message),
          unreachableReason(error.message),
          { name, port },
          error,
        );
    }
  }

  #unreachable(
    message: string,
    reason: UnreachableReason | undefined,
    { name, port }: Pick<RelayTarget, 'name' | 'port'>,
    cause: Error,
  ): AccessError {
    return new AccessError(message, {
      code: 'TARGET_UNREACHABLE',
      reason,
      hop: name,
      phase: 'dial',
      hint: unreachableHint(reason, name, port, this.#options.machine.name),
      retryable: true,
      cause,
    });
  }
}

function names(relay: RelaySetting): string {
  return relay === 'auto' ? 'nc, ncat, socat or bash' : relay;
}
