import type { Duplex, Readable } from 'node:stream';
import type { Client, ParsedKey } from 'ssh2';

/**
 * The parts of ssh2 1.17.0 that its public interface hides and that we need. The version is pinned exactly; a
 * new one must be read for these names first.
 */
export interface Internals {
  readonly _protocol: Protocol;
  readonly _chanMgr: {
    add(callback: PendingChannel): number;
    remove(id: number): void;
  };
}

export interface Protocol {
  readonly _handlers: {
    GLOBAL_REQUEST: (protocol: Protocol, name: string, wantReply: boolean, data: unknown) => void;
  };
  parse(chunk: Buffer, from: number, length: number): void;
  authPK(user: string, key: ParsedKey, algorithm: string | undefined, sign?: Sign): void;
  session(localId: number, window: number, packetSize: number): void;
  exec(remoteId: number, command: string, wantReply: boolean): void;
  pty(
    remoteId: number,
    rows: number,
    columns: number,
    height: number,
    width: number,
    term: string,
    modes: null,
    wantReply: boolean,
  ): void;
  shell(remoteId: number, wantReply: boolean): void;
  windowChange(remoteId: number, rows: number, columns: number, height: number, width: number): void;
  requestFailure(): void;
}

export type Sign = (data: Buffer, done: (signature: Buffer) => void) => void;

export interface PendingChannel {
  (error: (Error & { reason?: number }) | undefined, channel: Channel): void;
  type: string;
}

/** Both a stream and the state of a channel. */
export interface Channel extends Duplex {
  readonly stderr: Readable;
  readonly outgoing: { readonly id: number };
  /** Answers to channel requests, in their order; true means failure. */
  readonly _callbacks: ((failed: boolean) => void)[];
  close(): void;
}

export const WINDOW = 2 * 1024 * 1024;
export const PACKET = 32 * 1024;

export function internals(client: Client): Internals {
  return client as unknown as Internals;
}
