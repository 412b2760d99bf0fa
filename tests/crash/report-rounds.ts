import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run'];

export interface RoundsOptions {
  readonly rounds: string;
  readonly json: boolean;
  /** Of those that the script has beside them, the ones that were given. */
  readonly given: ReadonlySet<string>;
}

/** What the command line says; `rounds` by default, and switches of the script's own. */
export function readRounds(script: string, rounds: string, switches: readonly string[] = []): RoundsOptions {
  const own = Object.fromEntries(switches.map((name) => [name, { type: 'boolean' as const }]));
  try {
    const { values } = parseArgs({
      options: { ...own, rounds: { type: 'string' }, json: { type: 'boolean' } },
    });
    const wanted = new Map<string, unknown>(Object.entries(values));
    const count = String(wanted.get('rounds') ?? rounds);
    const given = new Set(switches.filter((name) => wanted.has(name)));
    if (/^[1-9]\d{0,3}$/.test(count) && given.size < 2)
      return { rounds: count, json: wanted.has('json'), given };
  } catch {}
  const more = switches.length > 0 ? ` [${switches.map((name) => `--${name}`).join(' | ')}]` : '';
  console.error(`usage: npm run ${script} -- [--rounds N] [--json]${more}`);
  process.exit(2);
}

/** Runs a test in its long form and prints the summary that it writes. `inside`: a program that starts it where it belongs. */
export function reportRounds(
  test: string,
  { rounds, json }: RoundsOptions,
  env: Readonly<Record<string, string>> = {},
  inside: readonly string[] = [],
): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'wadi-crash-'));
  const report = path.join(folder, 'report.json');
  try {
    const [program = '', ...argv] = [...inside, ...vitest, test];
    const { status } = spawnSync(program, argv, {
      cwd: root,
      env: { ...process.env, ...env, WADI_CRASH_ROUNDS: rounds, WADI_CRASH_REPORT: report },
      stdio: ['ignore', json ? 2 : 'inherit', 'inherit'],
    });
    const summary = readFileSync(report, 'utf8');
    console.log(json ? summary : JSON.stringify(JSON.parse(summary), null, 2));
    process.exitCode = status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
