import type { Duplex } from 'node:stream';
import type { AccessOptions, Deadlines } from './access-options.ts';
import { allowedAddresses } from './allowed-addresses.ts';
import { atHop } from './at-hop.ts';
import { fillCommand } from './command-template.ts';
import { withDeadline } from './deadline.ts';
import { dialProgram } from './dial-program.ts';
import { dialTcp } from './dial-tcp.ts';
import { AccessError, type Phase } from './errors.ts';
import type { LocalProcess } from './local-process.ts';
import { localRelays } from './local-relays.ts';
import type { RelayProgram } from './relay.ts';
import type { AgentHop, CommandHop, FirstHop, Machine, NetnsHop } from './route.ts';

export interface FirstTarget extends Pick<Machine, 'host' | 'port' | 'name'> {
  /** It is an sshd, or else something that speaks before it is spoken to. */
  readonly speaksFirst?: boolean;
}

/** Opens a stream from this process. */
export type Dial = (
  hop: FirstHop,
  target: FirstTarget,
  deadlines: Deadlines,
  signal?: AbortSignal,
) => Promise<Duplex>;

export interface GivenDials {
  /** In place of everything here. */
  readonly dial: Dial | undefined;
  readonly openAgent: AccessOptions['openAgent'];
}

/** Dials from where this process is, by whatever means the hop names. */
export class FirstHops {
  readonly #deadlines: Deadlines;
  readonly #given: GivenDials;
  readonly #processes = new Set<LocalProcess>();
  #closed = false;
  #relays: Promise<RelayProgram[]> | undefined;
  /** Has worked. */
  #chosen: RelayProgram | undefined;

  constructor(deadlines: Deadlines, given: GivenDials) {
    this.#deadlines = deadlines;
    this.#given = given;
  }

  /** Others of the same kind, with deadlines and programs of their own. */
  within(deadlines: Deadlines): FirstHops {
    return new FirstHops(deadlines, this.#given);
  }

  open(
    hop: FirstHop,
    target: FirstTarget,
    signal?: AbortSignal,
    onPhase?: (phase: Phase) => void,
  ): Promise<Duplex> {
    if (this.#given.dial) {
      onPhase?.('dial');
      return this.#given.dial(hop, target, this.#deadlines, signal);
    }
    switch (hop.kind) {
      case 'tcp':
        return dialTcp(hop, target, this.#deadlines, signal, onPhase);
      case 'agent':
        onPhase?.('dial');
        return this.#agent(hop, target, signal);
      case 'netns':
        return this.#eachAddress(hop, target, signal, onPhase, (address, part) =>
          this.#netns(hop, target, address, part),
        );
      case 'command':
        return this.#eachAddress(hop, target, signal, onPhase, (address, part) =>
          this.#command(hop, target, address, part),
        );
    }
  }

  async #agent(
    { agent }: AgentHop,
    { name, speaksFirst }: FirstTarget,
    signal?: AbortSignal,
  ): Promise<Duplex> {
    const at = { hop: name, phase: 'dial' } as const;
    if (!this.#given.openAgent || !speaksFirst)
      throw new AccessError(`${name}: an agent leads to the machine's sshd, and to nothing else`, {
        code: 'INVALID_ARGUMENT',
        ...at,
      });
    const open = this.#given.openAgent;
    const late = () =>
      new AccessError(`${name}: its agent does not answer`, {
        code: 'CONNECTION_TIMEOUT',
        hint: 'the machine is off or its network is; the agent dials again by itself',
        retryable: true,
        ...at,
      });
    const discard = (stream: Duplex) => void stream.on('error', () => {}).destroy();
    const limits = { milliseconds: this.#deadlines.dial, signal, late, at, discard };
    try {
      return await withDeadline(limits, (ended) => open(agent, ended));
    } catch (error) {
      throw atHop(error, name, 'dial');
    }
  }

  /** Ends the programs that still run. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#processes].map((process) => process.kill()));
  }

  readonly #keep = (process: LocalProcess): void => {
    this.#processes.add(process);
    process.exit.then(() => this.#processes.delete(process));
    if (this.#closed) void process.kill();
  };

  async #eachAddress(
    hop: NetnsHop | CommandHop,
    target: FirstTarget,
    signal: AbortSignal | undefined,
    onPhase: ((phase: Phase) => void) | undefined,
    dial: (address: string, part: Part) => Promise<Duplex>,
  ): Promise<Duplex> {
    onPhase?.('resolve');
    // Without a list to hold them against, names are left to whoever dials: they may mean something there only.
    const addresses = hop.allow
      ? await allowedAddresses(hop, target, this.#deadlines.resolve, signal)
      : [target.host];
    onPhase?.('dial');
    const part = { milliseconds: Math.ceil(this.#deadlines.dial / addresses.length), signal };
    let failure: unknown;
    for (const address of addresses) {
      try {
        return await dial(address, part);
      } catch (error) {
        if (signal?.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  #command({ words, values }: CommandHop, target: FirstTarget, host: string, part: Part): Promise<Duplex> {
    const argv = fillCommand(words, { ...values, host, port: String(target.port) });
    return dialProgram({
      argv,
      announcement: announcementOf(target),
      name: target.name,
      started: this.#keep,
      ...part,
    });
  }

  async #netns(hop: NetnsHop, target: FirstTarget, host: string, part: Part): Promise<Duplex> {
    const enter = [...(hop.rootWrapper ?? []), 'ip', 'netns', 'exec', hop.namespace];
    let failure: unknown;
    for (const program of await this.#programs(hop.relay)) {
      const dialled = {
        argv: [...enter, ...program.command(host, target.port)],
        announcement: { ...announcementOf(target), text: program.connected },
        name: target.name,
        started: this.#keep,
        ...part,
      };
      try {
        const stream = await dialProgram(dialled);
        if (hop.relay === 'auto') this.#chosen = program;
        return stream;
      } catch (error) {
        // Only what nobody could make sense of may be the program's own fault.
        const unclear = error instanceof AccessError && error.code === 'FIRST_HOP_FAILED' && !error.hint;
        if (!unclear) throw error;
        failure = error;
      }
    }
    this.#relays = undefined;
    this.#chosen = undefined;
    const names = hop.relay === 'auto' ? 'nc, ncat, socat or bash' : hop.relay;
    throw (
      failure ??
      new AccessError(`${target.name}: there is no ${names} on this computer to dial with`, {
        code: 'NO_RELAY',
        hop: target.name,
        phase: 'dial',
        hint: 'install one of them where the controller runs',
        retryable: true,
      })
    );
  }

  async #programs(relay: NetnsHop['relay']): Promise<readonly RelayProgram[]> {
    if (relay === 'auto' && this.#chosen) return [this.#chosen];
    this.#relays ??= localRelays();
    const programs = await this.#relays;
    return relay === 'auto' ? programs : programs.filter((program) => program.relay === relay);
  }
}

interface Part {
  readonly milliseconds: number;
  readonly signal: AbortSignal | undefined;
}

function announcementOf({ speaksFirst = false }: FirstTarget) {
  return { firstByte: speaksFirst };
}
