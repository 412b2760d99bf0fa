import type { UploadSource } from './upload-source.ts';

/**
 * What carries the load's commands to the machines: Wadi through its public API, or something that is measured beside
 * it. It never throws for a command that did not get through: that is what is counted.
 */
export interface Carrier {
  /** Carries one command to its end, and its output while it is written. */
  carry(errand: Errand): Promise<ErrandEnd>;
  /** Puts a file on the machine, as one piece of work. */
  upload(upload: Upload): Promise<ErrandEnd>;
  /** What runs at this moment, with the proxies on its way. */
  underWay(): Promise<readonly UnderWay[]>;
}

export interface Errand {
  readonly id: string;
  readonly machine: string;
  readonly argv: readonly string[];
  readonly stdin?: Uint8Array;
  /** Bytes of output that there will be. */
  readonly outputBytes: number;
  readonly onOutput: (bytes: Uint8Array) => void;
  readonly signal: AbortSignal;
}

export interface Upload {
  readonly id: string;
  readonly machine: string;
  /** Below the home directory. */
  readonly file: string;
  readonly source: UploadSource;
  readonly signal: AbortSignal;
}

export interface ErrandEnd {
  readonly succeeded: boolean;
  /** In words, when it did not. */
  readonly why: string;
}

export interface UnderWay {
  readonly id: string;
  readonly machine: string;
  /** In the order of the way; empty: none. */
  readonly proxies: readonly string[];
}
