import { MemorySocket } from './memory-socket.ts';

/** A machine as the network sees it. */
export interface Endpoint {
  readonly clusterId: string;
  readonly name: string;
  readonly address: string;
  /** Takes a connection to one of its ports; false: nothing listens there, or the machine is off. */
  answer(port: number, socket: MemorySocket): boolean;
}

/**
 * The network behind the proxies. Machines of one cluster reach one another, and nothing else: neither machines of
 * other clusters, nor this computer's own ports, nor the world.
 */
export class PrivateNetwork {
  readonly #endpoints = new Map<string, Endpoint>();

  join(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.address, endpoint);
  }

  leave(endpoint: Endpoint): void {
    if (this.#endpoints.get(endpoint.address) === endpoint) this.#endpoints.delete(endpoint.address);
  }

  /** Opens a connection as the machine `from` would; undefined: refused. */
  connect(from: Endpoint, host: string, port: number): MemorySocket | undefined {
    const target = isOwnLoopback(host) ? from : this.#endpoints.get(host);
    if (target?.clusterId !== from.clusterId) return undefined;
    const [near, far] = MemorySocket.pair({ name: from.name, address: from.address });
    // Whoever does not handle an error would end the process by it; both ends learn of the loss by `close`.
    near.on('error', () => undefined);
    far.on('error', () => undefined);
    if (target.answer(port, far)) return near;
    near.destroy();
    far.destroy();
    return undefined;
  }
}

function isOwnLoopback(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '::1';
}
