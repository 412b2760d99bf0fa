import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepProgram } from './step-program.ts';

const facts = {
  WADI_NAME: 'c-node-0',
  WADI_IP: '10.0.0.5',
  WADI_CLUSTER: 'c',
  WADI_PROCESS: 'master',
  WADI_MACHINES: 'c-node-0 10.0.0.5 node 0 0 master',
};

/** Runs a script of a plugin in an empty home; `path`: with these programs only. */
function inHome<T>(
  file: string,
  values: Record<string, string>,
  look: (home: string, run: Run) => T,
  path = process.env.PATH ?? '',
): T {
  const home = mkdtempSync(join(tmpdir(), 'wadi-script-'));
  try {
    const script = readFileSync(new URL(file, import.meta.url), 'utf8');
    const { status, stderr } = spawnSync('/bin/sh', [], {
      input: stepProgram({ ...values, ...facts }, script),
      cwd: home,
      env: { PATH: path, HOME: home },
      encoding: 'utf8',
    });
    return look(home, { status, stderr });
  } finally {
    rmSync(home, { recursive: true });
  }
}

interface Run {
  readonly status: number | null;
  readonly stderr: string;
}

/** Whatever a shell, or a file of settings, could take for more than a word. */
const nasty = fc
  .array(
    fc.constantFrom("'", '"', '\\', '$(touch x)', '`touch x`', '\n', ';', '}', ' ', '#', '-', 'a', '<', 'é'),
  )
  .map((parts) => parts.join(''));

describe('values that people choose', () => {
  it('are one word each in the settings of Spark, which a shell reads', () => {
    const ports = { MASTER_PORT: '7077', MASTER_WEB_PORT: '8180', WORKER_WEB_PORT: '8181' };
    const numbers = { ...ports, WORKER_CORES: '2', WORKER_MEMORY: '0' };
    fc.assert(
      // What a shell substitutes for a command ends without newlines.
      fc.property(nasty, (text) => {
        const place = `/opt/${text}.`;
        inHome('spark/scripts/configure.sh', { ...numbers, SPARK_HOME_SET: place }, (home, run) => {
          expect(run).toEqual({ status: 0, stderr: '' });
          const read = '. .wadi-spark/conf/spark-env.sh; printf "%s" "$SPARK_HOME|$SPARK_MASTER_HOST"';
          const { stdout } = spawnSync('/bin/sh', ['-c', read], { cwd: home, encoding: 'utf8' });
          expect(stdout).toBe(`${place}|10.0.0.5`);
          expect(existsSync(join(home, 'x'))).toBe(false);
        });
      }),
      { numRuns: 25 },
    );
  });

  it('are text in a page, and no part of the settings of its server', () => {
    const settings = inHome('web/scripts/configure.sh', { TITLE: 'plain', WEB_PORT: '80' }, (home) =>
      readFileSync(join(home, '.wadi-web/nginx.conf'), 'utf8').replaceAll(home, ''),
    );
    fc.assert(
      fc.property(nasty, (title) => {
        inHome('web/scripts/configure.sh', { TITLE: title, WEB_PORT: '80' }, (home, run) => {
          expect(run).toEqual({ status: 0, stderr: '' });
          const page = readFileSync(join(home, '.wadi-web/pages/index.html'), 'utf8');
          expect(page.match(/<(?!\/?(?:!doctype|meta|title|h1|p)\b)/g)).toBe(null);
          const now = readFileSync(join(home, '.wadi-web/nginx.conf'), 'utf8').replaceAll(home, '');
          expect(now).toBe(settings);
          expect(existsSync(join(home, 'x'))).toBe(false);
        });
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['deb http://mirror.example/ ./\ndeb http://evil.example/ ./', 'has more than one line'],
    ['/etc/shadow', 'is no line of a sources.list'],
    ['-o Dir::Etc=x', 'is no line of a sources.list'],
  ])('are no source of packages when they are %j', (source, told) => {
    const look = (_: string, { status, stderr }: Run) =>
      expect([status, stderr]).toEqual([1, expect.stringContaining(told)]);
    // It would install something on this computer if it went on.
    inHome('zookeeper/scripts/install.sh', { PACKAGE_SOURCE: source }, look, '/nonexistent');
  });
});
