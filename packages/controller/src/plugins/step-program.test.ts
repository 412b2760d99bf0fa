import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepProgram, stepRunner } from './step-program.ts';
import { factVariables, lastWords } from './step-variables.ts';

const run = (program: string, env: Readonly<Record<string, string>> = {}, shell = '/bin/sh') =>
  spawnSync(shell, ['-c', stepRunner], {
    input: program,
    env: { PATH: process.env.PATH ?? '', ...env },
    encoding: 'utf8',
  });

describe('the program of a step', () => {
  it('brings any value to the script as it is, and to no child of it', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 200 }).map((text) => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 4 }), (values) => {
        const variables = Object.fromEntries(values.map((value, index) => [`V${index}`, value]));
        const prints = Object.keys(variables).map((name) => `printf '%s<' "$${name}"\n`);
        const result = run(
          stepProgram(variables, `#!/bin/sh\n${prints.join('')}env | grep -c '^V[0-9]=' || true`),
        );
        expect(result.stderr).toBe('');
        const told = values.map((value) => `${Buffer.from(value).toString()}<`).join('');
        expect(result.stdout).toBe(`${told}0\n`);
      }),
      { numRuns: 60 },
    );
  });

  it.each(['/bin/sh', '/bin/bash'])(
    'gives a value to no child of %s where the login had exported the name',
    (shell) => {
      // The last loses what it was told, in bash, as long as it is the shell's own.
      const values = { USER: 'a secret', LANG: 'another', SECONDS: 'text' };
      const script = `#!/bin/sh\nprintf '%s|%s|%s|' "$USER" "$LANG" "$SECONDS"\nenv | grep -c -e secret -e another || true`;
      const result = run(stepProgram(values, script), { USER: 'wadi', LANG: 'C' }, shell);
      expect(result.stdout).toBe('a secret|another|text|0\n');
    },
  );

  it('ends as the script ends: at its first error, or where it says', () => {
    expect(run(stepProgram({}, '#!/bin/sh\nexit 7')).status).toBe(7);
    expect(run(stepProgram({}, '#!/bin/sh\nfalse\necho not here')).stdout).toBe('');
    expect(run(stepProgram({}, '#!/bin/sh\necho "$NOT_SET"')).status).not.toBe(0);
    expect(run(stepProgram({}, '#!/bin/sh\ncat\necho end')).stdout).toBe('end\n');
  });

  it('is not run when it did not arrive whole', () => {
    const whole = stepProgram({ SECRET: 'x'.repeat(2000) }, '#!/bin/sh\necho ran\n');
    for (const length of [0, 10, 1000, whole.length - 10]) {
      const { status, stdout } = run(whole.slice(0, length));
      expect([status, stdout]).toEqual([125, '']);
    }
    expect(run(whole).stdout).toBe('ran\n');
  });

  it('takes no name that is not one of a variable', () => {
    expect(() => stepProgram({ 'X;reboot': '' }, '')).toThrow('not a shell variable');
  });

  it('knows the machines of a process', () => {
    const machine = (name: string, processes: string[]) => ({
      ...{ name, ip: '10.0.0.1', group: 'node', groupPosition: 1, index: 0, processes },
    });
    const machines = [machine('a', ['one']), machine('b', ['one', 'two']), machine('c', ['one-more'])];
    const facts = { clusterId: 'id', clusterName: 'demo', version: '1', process: 'one', step: 'start' };
    const variables = factVariables({ ...facts, machine: machines[0] as never, machines, leaving: [] });
    expect(run(stepProgram(variables, 'wadi_machines one')).stdout).toBe(
      'a 10.0.0.1 node 1 0\nb 10.0.0.1 node 1 0\n',
    );
    expect(run(stepProgram(variables, 'wadi_machines none')).stdout).toBe('');
  });
});

describe('the last words of a script', () => {
  it('hold no secret, no part of one that has lines, and nothing that a terminal obeys', () => {
    const told = lastWords('a\u001b[2Jb\nkey: line one\nx', ['line one\nline two', 'x']);
    expect(told).toBe('a[2Jb\nkey: ********\n********');
  });

  it('hold nothing of a secret that was cut where the output was', () => {
    expect(lastWords('first\nkey: half-of-a-sec', ['half-of-a-secret'], { cut: true })).toBe('first');
    expect(lastWords('half-of-a-sec', ['half-of-a-secret'], { cut: true })).toBe('');
  });

  it('are few', () => {
    const long = Array.from({ length: 100 }, (_, line) => `line ${line}`).join('\n');
    expect(lastWords(long, []).split('\n')).toHaveLength(8);
    expect(lastWords('y'.repeat(5000), [])).toHaveLength(2000);
  });
});
