// Runs in the controller's namespace: the same drill against Sahara's algorithm. JSON in, JSON out.
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { InjectByProgram } from '../packages/cli/src/drill/inject-by-program.ts';
import type { FaultKind } from '../packages/cli/src/drill/injector.ts';
import { drillProxyLoss } from '../packages/cli/src/drill/proxy-loss.ts';
import type { LabInventory } from '../tests/set-up/lab.ts';
import { SaharaBaseline } from './sahara-baseline.ts';

export interface BaselineInput {
  readonly inventory: LabInventory;
  /** The program that brings faults about, and its arguments. */
  readonly injector: readonly string[];
  readonly commands: number;
  readonly kinds: readonly FaultKind[];
  readonly seconds: number;
  readonly upload: number;
}

const input = JSON.parse(await text(process.stdin)) as BaselineInput;
const { inventory, commands, kinds, seconds, upload } = input;
const [program = '', ...args] = input.injector;
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());
const reckoning = await drillProxyLoss({
  carrier: new SaharaBaseline(inventory, readFileSync(inventory.privateKeyPath, 'utf8')),
  injector: new InjectByProgram(program, args),
  proxies: inventory.proxies.map(({ name }) => name),
  machines: inventory.machines.map(({ name }) => name),
  ...{ commands, kinds, seconds, upload },
  tell: (news) => console.error(`drill: baseline: ${news}`),
  signal: interruption.signal,
});
console.log(JSON.stringify(reckoning));
// A connection through a proxy that was blocked may stay half open for long.
process.exit(0);
