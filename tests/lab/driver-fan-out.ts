// Runs in the controller's network: `hostname` on every machine at once, three times; the first time cold.
import { json } from 'node:stream/consumers';
import { IndirectAccess } from '@wadi/indirect-access';
import type { LabInventory } from '../set-up/lab.ts';
import { labRoute } from '../set-up/lab-route.ts';

/** By round and machine: the name it answered with, or what went wrong. */
export type Rounds = readonly (readonly string[])[];

const { inventory, privateKey } = (await json(process.stdin)) as {
  inventory: LabInventory;
  privateKey: string;
};
const access = new IndirectAccess({ identity: () => ({ privateKey }) });
const rounds: string[][] = [];
for (let round = 0; round < 3; round += 1) {
  rounds.push(
    await Promise.all(
      inventory.machines.map(({ name }) =>
        access.exec(labRoute(inventory, name), ['hostname']).then(
          ({ stdout }) => stdout.toString().trim(),
          (error: unknown) => `${name}: ${error}`,
        ),
      ),
    ),
  );
}
await access.close();
console.log(JSON.stringify(rounds));
