export const faultKinds = ['kill', 'drop', 'reject', 'freeze', 'cut'] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  readonly proxy: string;
  /** Only of `cut`: the one machine that the proxy cannot reach any more. */
  readonly machine?: string;
}

/** Blocks a proxy and unblocks it. Both may be said twice. */
export interface Injector {
  readonly kinds: readonly FaultKind[];
  /** In force when it resolves. */
  begin(fault: Fault): Promise<void>;
  /** Over when it resolves. Is called after a `begin` that failed, too: nobody knows how far that came. */
  end(fault: Fault): Promise<void>;
}

const triesToEnd = 3;

/** Keeps the fault up for as long as `during` takes, and ends it whatever happens. */
export async function withFault<T>(injector: Injector, fault: Fault, during: () => Promise<T>): Promise<T> {
  try {
    await injector.begin(fault);
    return await during();
  } finally {
    await end(injector, fault);
  }
}

async function end(injector: Injector, fault: Fault): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await injector.end(fault);
    } catch (error) {
      if (tried === triesToEnd) throw error;
    }
  }
}

/** `kill of proxy-1`, `cut of proxy-1 from machine-1` */
export function describeFault({ kind, proxy, machine }: Fault): string {
  return `${kind} of ${proxy}${machine === undefined ? '' : ` from ${machine}`}`;
}
