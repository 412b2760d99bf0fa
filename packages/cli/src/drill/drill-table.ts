import { print, printTable } from '../print.ts';
import type { Reckoning, Seconds } from './reckoning.ts';

/** @param sides by name, the first in the first column: one drill, or several that are compared. */
export function printReckoning(sides: readonly (readonly [string, Reckoning])[]): void {
  const row = (name: string, cell: (side: Reckoning) => string) => [
    name,
    ...sides.map(([, side]) => cell(side)),
  ];
  const faults = sides[0]?.[1].faults ?? [];
  printTable(
    ['', ...sides.map(([name]) => name)],
    [
      row('commands', (side) => String(side.commands)),
      row('lost', (side) => String(side.lost)),
      row('doubled', (side) => String(side.doubled)),
      row('bytes lost', (side) => String(side.bytesLost)),
      row('bytes doubled', (side) => String(side.bytesDoubled)),
      row('upload', ({ upload }) => (upload === null ? 'none' : upload.intact ? 'intact' : 'not intact')),
      row('rerouted within', (side) => describe(side.rerouteSeconds)),
      ...faults.map(({ fault }, place) =>
        row(`  ${fault}`, ({ faults: its }) => {
          const one = its[place];
          if (!one) return '';
          const stuck = one.notRerouted > 0 ? `, ${one.notRerouted} never` : '';
          const upload = one.uploadInFlight ? ' with the upload' : '';
          return `${describe(one.rerouteSeconds)}${stuck}; ${one.inFlight} in flight${upload}`;
        }),
      ),
    ],
  );
  for (const [name, { troubles }] of sides) {
    for (const trouble of troubles) print(`${name ? `${name}: ` : ''}lost: ${trouble}`);
  }
}

/** Half of the commands, and the last of them. */
function describe({ p50, max }: Seconds): string {
  return p50 === null || max === null ? '-' : `${p50} s, at most ${max} s`;
}
