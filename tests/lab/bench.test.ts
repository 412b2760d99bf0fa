import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('the fan-out benchmark prints its result as JSON and leaves nothing behind', async () => {
  const argv = ['--import', 'tsx', 'bench/fanout.ts', '--nodes', '2', '--rounds', '1', '--json'];
  const { stdout } = await run(process.execPath, argv, { timeout: 120_000 });
  const timing = { median: expect.any(Number), failed: 0 };
  const peers = { sshJ: timing, sshMaster: timing };
  const ratio = { sshJ: expect.any(Number), sshMaster: expect.any(Number) };
  expect(JSON.parse(stdout)).toEqual({
    unit: 's',
    nodes: 2,
    cold: { wadi: timing, peers, ratio },
    warm: { wadi: timing, peers, ratio },
    defaultLimits: { lost: { wadi: 0, sshJ: 0, sshMaster: 0 } },
  });
  expect(readdirSync('bench')).not.toContain('dist');
}, 150_000);
