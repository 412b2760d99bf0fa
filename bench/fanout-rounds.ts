// Runs in the controller's namespace: every way once per round, in an order that rotates. JSON in, JSON out.
import { text } from 'node:stream/consumers';
import type { LabInventory } from '../tests/set-up/lab.ts';
import { OpenSsh } from './fanout-openssh.ts';
import { coldWadi, WarmWadi } from './fanout-wadi-process.ts';

export interface RoundsInput {
  readonly inventory: LabInventory;
  /** The bundled client. */
  readonly client: string;
  readonly rounds: number;
  /** A directory for what the ways need. */
  readonly scratch: string;
}

export interface Sample {
  readonly way: 'wadiCold' | 'wadiWarm' | 'sshJ' | 'sshMaster';
  readonly seconds: number;
  /** Machines that did not answer with their own name. */
  readonly failed: number;
}

const input = JSON.parse(await text(process.stdin)) as RoundsInput;
const openSsh = await OpenSsh.start(input.inventory, input.scratch);
const warm = await WarmWadi.start(input);
try {
  const ways: readonly (readonly [Sample['way'], () => Promise<number>])[] = [
    ['wadiCold', () => coldWadi(input)],
    ['sshJ', () => openSsh.throughJump()],
    ['wadiWarm', () => warm.fanOut()],
    ['sshMaster', () => openSsh.throughMaster()],
  ];
  const samples: Sample[] = [];
  for (let round = 0; round < input.rounds; round += 1) {
    for (let place = 0; place < ways.length; place += 1) {
      const [way, run] = ways[(round + place) % ways.length] as (typeof ways)[number];
      const began = performance.now();
      const failed = await run();
      const seconds = (performance.now() - began) / 1000;
      samples.push({ way, seconds, failed });
      console.error(`fanout: round ${round + 1} ${way} ${seconds.toFixed(3)} s, ${failed} failed`);
    }
  }
  console.log(JSON.stringify(samples));
} finally {
  await warm.stop();
  await openSsh.stop();
}
