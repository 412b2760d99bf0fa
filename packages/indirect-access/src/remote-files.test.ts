import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { direct, TestBed } from './test-access.ts';
import type { TestSshd } from './test-sshd.ts';

const bed = new TestBed();
let machine: TestSshd;
let folder: string;

beforeAll(async () => {
  machine = await bed.sshd('machine');
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-files-'));
});
afterEach(async () => {
  await bed.reset();
  rmSync(folder, { recursive: true });
});
afterAll(() => bed.stop());

describe('changes to one file, which take turns', () => {
  it('let a caller give up while it waits, and those behind it still wait', async () => {
    const access = bed.access();
    const route = direct(machine.machine());
    const file = path.join(folder, 'file');
    const slow = new PassThrough();
    slow.write('one\n');
    const first = access.files(route).write(file, slow);
    const signal = AbortSignal.timeout(300);
    const second = access.files(route, { signal }).append(file, 'two\n');
    const third = access.files(route).append(file, 'three\n');
    await expect(second).rejects.toMatchObject({ code: 'CANCELLED' });
    slow.end();
    await Promise.all([first, third]);
    expect(readFileSync(file, 'utf8')).toBe('one\nthree\n');
  });
});
