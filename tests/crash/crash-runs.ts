// npm run test:crash-runs -- [--rounds N] [--json]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, json: { type: 'boolean', default: false } },
});
if (!/^[1-9]\d{0,3}$/.test(values.rounds)) {
  console.error('usage: npm run test:crash-runs -- [--rounds N] [--json]');
  process.exit(2);
}
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'wadi-crash-'));
const report = path.join(folder, 'report.json');
try {
  const argv = ['node_modules/vitest/vitest.mjs', 'run', 'tests/crash/killed-runs.test.ts'];
  const { status } = spawnSync(process.execPath, argv, {
    cwd: root,
    env: { ...process.env, WADI_CRASH_ROUNDS: values.rounds, WADI_CRASH_REPORT: report },
    stdio: ['ignore', values.json ? 2 : 'inherit', 'inherit'],
  });
  const summary = readFileSync(report, 'utf8');
  console.log(values.json ? summary : JSON.stringify(JSON.parse(summary), null, 2));
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
