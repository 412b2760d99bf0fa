import type { Instance } from '@wadi/api';
import type { WadiClient } from '@wadi/client';
import { usageError } from '../command-error.ts';
import type { Fault, Injector } from './injector.ts';

/** Faults of the sandbox: its machines can be switched off, which is how they die. */
export class InjectInSandbox implements Injector {
  readonly kinds = ['kill'] as const;
  readonly #client: WadiClient;
  readonly #machines: readonly Instance[];

  constructor(client: WadiClient, machines: readonly Instance[]) {
    this.#client = client;
    this.#machines = machines;
  }

  async begin(fault: Fault): Promise<void> {
    await this.#client.sandbox.stop(this.#idOf(fault));
  }

  async end(fault: Fault): Promise<void> {
    await this.#client.sandbox.start(this.#idOf(fault));
  }

  #idOf({ proxy }: Fault): string {
    const machine = this.#machines.find(({ name }) => name === proxy);
    if (machine) return machine.id;
    throw usageError(`the cluster has no machine ${proxy}`);
  }
}
