import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LineCheck } from './line-check.ts';
import {
  bulkScript,
  makeFolder,
  readNotes,
  removeFolder,
  type Script,
  tickingScript,
  uptimeOf,
  weighFile,
} from './load-script.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'wadi-drill-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function run([program = '', ...argv]: readonly string[]): Buffer {
  return execFileSync(program, argv, { env: { ...process.env, HOME: home }, maxBuffer: 32 << 20 });
}

it.each<[string, () => Script]>([
  ['quick', () => tickingScript('.drill', 'c1', 1, 0)],
  ['ticking', () => tickingScript('.drill', 'c1', 4, 0.05)],
  ['bulk', () => bulkScript('.drill', 'c1')],
])('a %s command notes its id once and prints exactly what it should', (_, make) => {
  run(makeFolder('.drill'));
  const { argv, lines } = make();
  const check = new LineCheck(lines);
  check.add(run(argv));
  expect(check.result).toEqual({ bytesLost: 0, bytesDoubled: 0 });
  expect(run(readNotes('.drill')).toString()).toBe('c1\n');
});

it('a tick carries the uptime where there is one', () => {
  run(makeFolder('.drill'));
  const [line = ''] = run(tickingScript('.drill', 'c1', 1, 0).argv)
    .toString()
    .split('\n');
  if (existsSync('/proc/uptime')) {
    expect(uptimeOf(line)).toBeLessThanOrEqual(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]));
  } else expect(uptimeOf(line)).toBeUndefined();
});

it('a folder may be made twice, is empty at first, and is removed with all that is in it', () => {
  run(makeFolder('.drill'));
  run(makeFolder('.drill'));
  expect(run(readNotes('.drill')).toString()).toBe('');
  run(tickingScript('.drill', 'c1', 1, 0).argv);
  run(removeFolder('.drill'));
  expect(existsSync(path.join(home, '.drill'))).toBe(false);
});

it('a command does nothing where the folder is not', () => {
  expect(() => run(tickingScript('.drill', 'c1', 1, 0).argv)).toThrow();
});

it('a file is weighed; one that is not there weighs nothing', () => {
  writeFileSync(path.join(home, 'it'), 'abc');
  const [bytes, digest] = run(weighFile('it')).toString().split(/\s+/).filter(Boolean);
  expect([bytes, digest]).toEqual(['3', createHash('sha256').update('abc').digest('hex')]);
  expect(run(weighFile('none')).toString()).toBe('0\n');
});
