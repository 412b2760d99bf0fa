import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { quote } from '@wadi/indirect-access';
import type { ClientChannel } from 'ssh2';
import type { Carrier, Errand, ErrandEnd, UnderWay, Upload } from '../packages/cli/src/drill/carrier.ts';
import type { LabInventory } from '../tests/set-up/lab.ts';
import { exec, SaharaConnection } from './sahara-connection.ts';

/** Pieces of work at once on one cluster. */
const mostAtOnce = 70;
/** Milliseconds for a command, and for a file. */
const commandLimit = 300_000;
const fileLimit = 600_000;
/** Sahara starts a process for each piece of work, which paces it; so sshd's MaxStartups turns nothing away here. */
const mostHandshakes = 4;

/**
 * What Sahara does behind proxy gateways: takes one at random for each piece of work, knows nothing of its health, and
 * tries nothing a second time. In one process, not one for each command, and that much faster than the original.
 */
export class SaharaBaseline implements Carrier {
  readonly #inventory: LabInventory;
  readonly #privateKey: string;
  readonly #underWay = new Set<UnderWay>();
  readonly #places = new Places(mostAtOnce);
  readonly #handshakes = new Places(mostHandshakes);

  constructor(inventory: LabInventory, privateKey: string) {
    this.#inventory = inventory;
    this.#privateKey = privateKey;
  }

  carry(errand: Errand): Promise<ErrandEnd> {
    const signal = AbortSignal.any([errand.signal, AbortSignal.timeout(commandLimit)]);
    return this.#work({ ...errand, signal }, async (connection) => {
      const channel = await exec(connection.machine, errand.argv.map(quote).join(' '));
      const closed = once(channel, 'close');
      channel.stderr.resume();
      channel.on('data', (bytes: Buffer) => errand.onOutput(bytes));
      channel.end(errand.stdin ?? Buffer.alloc(0));
      const status = await exitOf(channel, closed);
      if (status !== 0) throw new Error(status === undefined ? 'no exit status' : `exit status ${status}`);
    });
  }

  upload(upload: Upload): Promise<ErrandEnd> {
    const signal = AbortSignal.any([upload.signal, AbortSignal.timeout(fileLimit)]);
    return this.#work({ ...upload, signal }, async ({ machine }) => {
      const channel = await exec(machine, `cat > ${quote(upload.file)}`);
      const closed = once(channel, 'close');
      channel.resume();
      channel.stderr.resume();
      for await (const part of upload.source.content(signal)) {
        if (channel.destroyed) throw new Error('the connection was lost');
        if (!channel.write(part)) await Promise.race([once(channel, 'drain', { signal }), closed]);
      }
      channel.end();
      const status = await exitOf(channel, closed);
      if (status !== 0) throw new Error(status === undefined ? 'no exit status' : `exit status ${status}`);
    });
  }

  async underWay(): Promise<readonly UnderWay[]> {
    return [...this.#underWay];
  }

  async #work(
    { id, machine, signal }: Pick<Errand, 'id' | 'machine' | 'signal'>,
    work: (connection: SaharaConnection) => Promise<void>,
  ): Promise<ErrandEnd> {
    const { proxies } = this.#inventory;
    const proxy = proxies[Math.floor(Math.random() * proxies.length)]?.name ?? '';
    const here = { id, machine, proxies: [proxy] };
    const release = await this.#places.take(signal);
    let connection: SaharaConnection | undefined;
    try {
      connection = await this.#open(proxy, machine, signal);
      this.#underWay.add(here);
      await Promise.race([work(connection), connection.lost()]);
      return { succeeded: true, why: '' };
    } catch (error) {
      return { succeeded: false, why: `through ${proxy}: ${(error as Error).message}` };
    } finally {
      this.#underWay.delete(here);
      connection?.close();
      release();
    }
  }

  async #open(proxy: string, machine: string, signal: AbortSignal): Promise<SaharaConnection> {
    const release = await this.#handshakes.take(signal);
    try {
      return await SaharaConnection.open(this.#inventory, this.#privateKey, proxy, machine, signal);
    } finally {
      release();
    }
  }
}

async function exitOf(channel: ClientChannel, closed: Promise<unknown>): Promise<number | undefined> {
  let status: number | undefined;
  channel.once('exit', (code: number | null) => {
    status = code ?? undefined;
  });
  await closed;
  return status;
}

/** So many at once; the others wait in turn. */
class Places {
  #free: number;

  constructor(free: number) {
    this.#free = free;
  }

  async take(signal: AbortSignal): Promise<() => void> {
    while (this.#free === 0 && !signal.aborted) await sleep(5);
    this.#free -= 1;
    return () => {
      this.#free += 1;
    };
  }
}
