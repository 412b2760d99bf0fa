// The contender, bundled and run in a process of its own: `hostname` on every machine at once. The inventory is the
// first line of stdin; with `again`, each further line is one more fan-out over the sessions that are there.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { IndirectAccess } from '@wadi/indirect-access';
import type { LabInventory } from '../tests/set-up/lab.ts';
import { labRoute } from '../tests/set-up/lab-route.ts';

async function main(mode: string | undefined): Promise<void> {
  let access: IndirectAccess | undefined;
  let inventory: LabInventory | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    if (access === undefined || inventory === undefined) {
      inventory = JSON.parse(line) as LabInventory;
      const privateKey = readFileSync(inventory.privateKeyPath, 'utf8');
      access = new IndirectAccess({ identity: () => ({ privateKey }) });
    }
    console.log(JSON.stringify({ failed: await fanOut(access, inventory) }));
    if (mode === 'once') break;
  }
  await access?.close();
}

async function fanOut(access: IndirectAccess, inventory: LabInventory): Promise<number> {
  const answers = await Promise.all(
    inventory.machines.map(async ({ name }) => {
      try {
        const { stdout } = await access.exec(labRoute(inventory, name), ['hostname']);
        return stdout.toString().trim() === name;
      } catch (error) {
        console.error(`${name}: ${error}`);
        return false;
      }
    }),
  );
  return answers.filter((right) => !right).length;
}

main(process.argv[2]).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
