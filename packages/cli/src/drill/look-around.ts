import { setTimeout as sleep } from 'node:timers/promises';
import type { Carrier } from './carrier.ts';

/** Milliseconds for a look at all machines, and between two of them. */
const patience = 90_000;
const pause = 1000;
const mostOutput = 4 * 1024 * 1024;

/**
 * Has something done on each machine that may be done twice: again until it succeeds. The output by machine; one that
 * stayed out of reach is not in it.
 */
export async function lookAround(
  carrier: Carrier,
  machines: readonly string[],
  argv: readonly string[],
): Promise<Map<string, string>> {
  const signal = AbortSignal.timeout(patience);
  const found = new Map<string, string>();
  const look = async (machine: string) => {
    while (!signal.aborted) {
      const parts: Uint8Array[] = [];
      const onOutput = (bytes: Uint8Array) => void parts.push(bytes);
      const errand = { id: `look at ${machine}`, machine, argv, outputBytes: mostOutput, onOutput, signal };
      const { succeeded } = await carrier.carry(errand);
      if (succeeded) return found.set(machine, Buffer.concat(parts).toString());
      await sleep(pause);
    }
  };
  await Promise.all(machines.map(look));
  return found;
}
