import { once } from 'node:events';
import { connect as dial } from 'node:net';
import type { Duplex } from 'node:stream';
import { Client } from 'ssh2';
import type { LabInventory, LabMachine } from '../tests/set-up/lab.ts';

/** Milliseconds that paramiko waits for a server's banner and handshake. Dialling is left to the kernel, as there. */
const banner = 15_000;

/**
 * One machine through one proxy in Sahara's way: a connection to the proxy, `nc` run on it, and SSH through that. Both
 * are made for one piece of work. Nothing looks after them: no keepalive, no second try.
 */
export class SaharaConnection {
  readonly machine: Client;
  readonly #proxy: Client;

  private constructor(proxy: Client, machine: Client) {
    this.#proxy = proxy;
    this.machine = machine;
  }

  static async open(
    inventory: LabInventory,
    privateKey: string,
    proxyName: string,
    machineName: string,
    signal: AbortSignal,
  ): Promise<SaharaConnection> {
    const proxy = inventory.proxies.find(({ name }) => name === proxyName);
    const machine = inventory.machines.find(({ name }) => name === machineName);
    if (!proxy || !machine) throw new Error(`the lab has no ${machineName} or no ${proxyName}`);
    const login = { username: inventory.user, privateKey };
    const socket = dial({ host: proxy.externalIp, port: 22 });
    const outer = new Client();
    const inner = new Client();
    const close = () => {
      inner.destroy();
      outer.destroy();
      socket.destroy();
    };
    signal.addEventListener('abort', close, { once: true });
    try {
      await once(socket, 'connect', { signal });
      await connect(outer, socket, proxy, login);
      const relay = await exec(outer, `nc ${machine.internalIp} 22`);
      await connect(inner, relay, machine, login);
      return new SaharaConnection(outer, inner);
    } catch (error) {
      close();
      throw error;
    }
  }

  /** Settles when either connection is gone: what is under way then has failed. */
  lost(): Promise<never> {
    return new Promise((_, reject) => {
      for (const client of [this.#proxy, this.machine]) {
        client.once('close', () => reject(new Error('the connection was lost')));
      }
    });
  }

  close(): void {
    this.machine.destroy();
    this.#proxy.destroy();
  }
}

export function exec(client: Client, command: string): Promise<import('ssh2').ClientChannel> {
  return new Promise((resolve, reject) => {
    client.once('close', () => reject(new Error('the connection was lost')));
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}

function connect(
  client: Client,
  sock: Duplex,
  machine: LabMachine,
  login: { username: string; privateKey: string },
): Promise<void> {
  // Sahara takes any host key; here the right one is pinned, which costs no time.
  const known = new Set(machine.hostKeys.map((line) => line.split(' ')[1]));
  return new Promise((resolve, reject) => {
    client.once('ready', resolve);
    client.on('error', reject);
    client.once('close', () => reject(new Error(`${machine.name}: the connection was lost`)));
    client.connect({
      ...login,
      sock: sock as never,
      readyTimeout: banner,
      hostVerifier: (key: Buffer) => known.has(key.toString('base64')),
    });
  });
}
