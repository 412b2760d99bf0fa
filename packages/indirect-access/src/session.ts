import type { Duplex } from 'node:stream';
import type { Command, ExecOptions, ExecResult } from './exec.ts';
import type { RemoteProcess, SpawnOptions } from './remote-process.ts';
import type { Route } from './route.ts';

/**
 * What files, HTTP and port forwards build upon: sessions found by route in the pool. Each call takes a channel
 * on a shared connection and gives it back when the channel ends; nobody holds a connection.
 */
export interface Sessions {
  exec(route: Route, command: Command, options?: ExecOptions): Promise<ExecResult>;
  spawn(route: Route, command: Command, options?: SpawnOptions): Promise<RemoteProcess>;
  tunnel(route: Route, target: TunnelTarget, options?: { signal?: AbortSignal }): Promise<Duplex>;
}

export interface TunnelTarget {
  readonly port: number;
  /**
   * Absent: the machine's address, opened by the last hop. `loopback`: 127.0.0.1 of the machine itself, opened
   * inside its own session.
   */
  readonly host?: 'loopback';
}
