import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Reckoning } from '../../packages/cli/src/drill/reckoning.ts';

const script = fileURLToPath(new URL('../../bench/drill.ts', import.meta.url));
/** Milliseconds; the computer may be busy with everything else. */
const patience = 420_000;
/** `npm run drill` in small: four machines, short faults; Sahara's algorithm meets only the first of them. */
const options = {
  ...{ machines: 4, commands: 60, seconds: 2, 'upload-mib': 10 },
  ...{ 'baseline-commands': 16, 'baseline-kinds': 'kill' },
};

let told: Reckoning & { readonly baseline: Reckoning };
let story: string;

beforeAll(async () => {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const argv = ['--import', 'tsx', script, '--json', ...words];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, argv, { timeout: patience });
  told = JSON.parse(stdout);
  story = stderr;
  console.log(`drill: seconds to reroute ${JSON.stringify(told.rerouteSeconds)}`);
}, patience);

describe('proxies that are killed, blocked, frozen and cut off, one after the other, under load', () => {
  it('cost no command, no second start of one, and no byte', () => {
    const { commands, lost, doubled, bytesLost, bytesDoubled, troubles } = told;
    expect({ commands, lost, doubled, bytesLost, bytesDoubled, troubles }, story).toEqual({
      ...{ commands: 60, lost: 0, doubled: 0, bytesLost: 0, bytesDoubled: 0 },
      troubles: [],
    });
    expect(told.upload).toEqual({ bytes: 10 * 2 ** 20, intact: true });
  });

  it('hit work that was under way, each of them', () => {
    expect(told.faults.map(({ fault }) => fault)).toEqual(['kill', 'drop', 'reject', 'freeze', 'cut']);
    for (const { inFlight } of told.faults) expect(inFlight).toBeGreaterThan(0);
    expect(told.faults.map(({ uploadInFlight }) => uploadInFlight)).toEqual([true, true, true, true, true]);
  });
});

it("the same load and fault cost Sahara's algorithm commands: the drill can tell a loss", () => {
  const { commands, lost, bytesLost, faults } = told.baseline;
  expect(commands).toBe(16);
  expect(lost).toBeGreaterThan(0);
  expect(bytesLost).toBeGreaterThan(0);
  expect(faults).toMatchObject([{ fault: 'kill' }]);
});
