import { setTimeout as sleep } from 'node:timers/promises';
import type { Adoption } from '@wadi/api';
import { report } from '../print.ts';
import type { Session } from '../session.ts';

/** Milliseconds between two looks. The controller bounds how long it takes. */
const interval = 400;

const keyStates = {
  sahara: "with Sahara's key",
  replacing: "Sahara's key is being replaced",
  own: "Sahara's key is replaced",
} as const;

/** Until it is over, well or not, or waits for machines to let the new key in; says what changes. */
export async function followAdoption({ client }: Session, begun: Adoption): Promise<Adoption> {
  let said = '';
  for (let now = begun; ; now = await client.adoptions.get(begun.cluster_id)) {
    const told = now.status === 'Active' ? `Active, ${keyStates[now.key]}` : now.status;
    if (told !== said) report(`${now.name}: ${told}`);
    said = told;
    if (now.status === 'Error' || now.status === 'Deleting' || now.key_problems.length > 0) return now;
    if (now.status === 'Active' && now.key !== 'replacing') return now;
    await sleep(interval);
  }
}
