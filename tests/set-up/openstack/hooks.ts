/** A server as a test needs it to put a machine behind it. */
export interface Machine {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly imageId: string | null;
  readonly addresses: readonly string[];
  /** As it was before it was encoded; null: it has none. */
  readonly userData: string | null;
  /** Of its key pair. */
  readonly publicKey: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
}

/** Where a test takes part. Nobody waits for them but `stop()`, which throws what they threw. */
export interface Hooks {
  /** It has become ACTIVE after it was built. */
  onServerActive?: (machine: Machine) => void | Promise<void>;
  /** It is not there any more; also one that never became ACTIVE. */
  onServerGone?: (machine: Machine) => void | Promise<void>;
  onServerPower?: (machine: Machine, change: 'start' | 'stop' | 'reboot') => void | Promise<void>;
  /** `fixed` is the machine's address that it leads to now; null: to none. */
  onFloatingIp?: (address: string, fixed: string | null) => void | Promise<void>;
  /** What the machine has written; default: nothing. Null: its hypervisor has no consoles. */
  consoleOutput?: (machine: Machine) => string | null;
  /** False: no valid host. */
  schedule?: (machine: Machine) => boolean;
}
