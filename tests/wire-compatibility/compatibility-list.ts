import { readFileSync } from 'node:fs';

const page = new URL('../../docs/sahara-compatibility.md', import.meta.url);

export type Difference = 'otherwise' | 'corrected';

/**
 * The recorded answers that docs/sahara-compatibility.md names. `otherwise`: another answer; `corrected`: the same but
 * for what the page's section on corrections says.
 */
export function readDifferences(): ReadonlyMap<string, Difference> {
  const rows = readFileSync(page, 'utf8').matchAll(/^\| `([a-z0-9.-]+)` \| (otherwise|corrected) \|/gm);
  return new Map([...rows].map(([, name = '', kind]) => [name, kind as Difference]));
}
