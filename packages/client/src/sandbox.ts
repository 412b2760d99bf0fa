import type { SandboxMachine } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';

interface MachineAnswer {
  readonly machine: SandboxMachine;
}

/** `/v2/sandbox/machines`: the power switches of the sandbox. A controller without one answers 404. */
export class Sandbox {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<SandboxMachine[]> {
    const path = '/v2/sandbox/machines';
    return (await this.#transport.json<{ machines: SandboxMachine[] }>('GET', path, options)).machines;
  }

  /** Pulls the plug: connections are lost, what runs there ends. */
  stop(machine: string, options: CallOptions = {}): Promise<SandboxMachine> {
    return this.#switch(machine, 'stop', options);
  }

  start(machine: string, options: CallOptions = {}): Promise<SandboxMachine> {
    return this.#switch(machine, 'start', options);
  }

  async #switch(machine: string, to: 'stop' | 'start', options: CallOptions): Promise<SandboxMachine> {
    const path = `/v2/sandbox/machines/${encodeURIComponent(machine)}/${to}`;
    const call = { ...options, repeatable: true };
    return (await this.#transport.json<MachineAnswer>('POST', path, call)).machine;
  }
}
