import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readDifferences } from './compatibility-list.ts';
import { readRecording } from './recording.ts';

const script = fileURLToPath(new URL('./test-sahara.ts', import.meta.url));

it('answers as the recorded Sahara did, but for what the compatibility page names', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const [status] = await once(child, 'exit');
  expect(output.match(/^failed .*$/gm) ?? []).toEqual([]);
  const different = [...output.matchAll(/^different (.*)$/gm)].map(([, name]) => name);
  expect(different.sort()).toEqual([...readDifferences().keys()].sort());
  expect([status, output]).toEqual([
    0,
    expect.stringMatching(/^1[0-9]{2} passed, 0 failed, \d+ different$/m),
  ]);
}, 180_000);

it('the compatibility page names only answers that were recorded', () => {
  const recorded = new Set(readRecording().flatMap(({ name, response }) => (response ? [name] : [])));
  const named = [...readDifferences().keys()];
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !recorded.has(name))).toEqual([]);
});
