import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs a test in its long form, as often as the command line says, and prints the summary that it writes. */
export function reportRounds(script: string, test: string, rounds: string): void {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: rounds }, json: { type: 'boolean', default: false } },
  });
  if (!/^[1-9]\d{0,3}$/.test(values.rounds)) {
    console.error(`usage: npm run ${script} -- [--rounds N] [--json]`);
    process.exit(2);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'wadi-crash-'));
  const report = path.join(folder, 'report.json');
  try {
    const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', test], {
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
}
