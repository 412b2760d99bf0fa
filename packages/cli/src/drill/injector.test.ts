import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InjectByProgram } from './inject-by-program.ts';
import { type Fault, withFault } from './injector.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-injector-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Notes how it is called, one word per line; fails when told `fail` and how it is asked. */
function program(failing: 'begin' | 'end' | 'never' = 'never'): InjectByProgram {
  const file = path.join(folder, 'block');
  const script = [
    '#!/bin/sh',
    `printf '<%s>' "$@" >> '${folder}/calls'; echo >> '${folder}/calls'`,
    `[ "$2" != ${failing} ] || { echo sorry >&2; exit 3; }`,
  ];
  writeFileSync(file, `${script.join('\n')}\n`);
  chmodSync(file, 0o755);
  return new InjectByProgram(file, ['$(id) x']);
}

const calls = () => readFileSync(`${folder}/calls`, 'utf8').trim().split('\n');
const kill: Fault = { kind: 'kill', proxy: 'p 1' };

describe('a program that brings a fault about', () => {
  it('gets its arguments as they are, and the machine only where there is one', async () => {
    await withFault(program(), kill, async () => {});
    await withFault(program(), { kind: 'cut', proxy: 'p1', machine: 'm1' }, async () => {});
    expect(calls()).toEqual([
      '<$(id) x><begin><kill><p 1>',
      '<$(id) x><end><kill><p 1>',
      '<$(id) x><begin><cut><p1><m1>',
      '<$(id) x><end><cut><p1><m1>',
    ]);
  });

  it('is told to end the fault when what is done meanwhile fails', async () => {
    const failing = withFault(program(), kill, async () => {
      throw new Error('interrupted');
    });
    await expect(failing).rejects.toThrow('interrupted');
    expect(calls().at(-1)).toContain('<end>');
  });

  it('is told to end the fault even when it could not begin it, and is quoted', async () => {
    const failing = withFault(program('begin'), kill, async () => {});
    await expect(failing).rejects.toMatchObject({
      message: expect.stringContaining('with 3'),
      hint: 'sorry',
    });
    expect(calls().map((line) => line.split('>')[1])).toEqual(['<begin', '<end']);
  });

  it('is asked three times to end the fault', async () => {
    await expect(withFault(program('end'), kill, async () => {})).rejects.toThrow('could not end');
    expect(calls().length).toBe(4);
  });

  it('that is not there is a wrong command line', async () => {
    const absent = new InjectByProgram(path.join(folder, 'none'), []);
    await expect(absent.check()).rejects.toMatchObject({ exitCode: 2 });
    await expect(absent.begin(kill)).rejects.toMatchObject({ exitCode: 2 });
  });
});
