import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runKeyCommand } from './key-command.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-key-command-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function program(name: string, script: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o700);
  return file;
}

test('its output comes back; no shell reads its arguments', async () => {
  expect(await runKeyCommand([program('echo', 'printf %s "$1"'), '$(id); `id`'])).toBe('$(id); `id`');
});

test('it gets no environment of ours and no input', async () => {
  process.env.WADI_KEY_COMMAND_TEST = 'ours';
  const said = await runKeyCommand([program('env', 'env; cat')]);
  delete process.env.WADI_KEY_COMMAND_TEST;
  const names = said
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0]);
  expect(names.filter((name) => !['PATH', 'LC_ALL', 'PWD', 'SHLVL', '_'].includes(name ?? ''))).toEqual([]);
});

test.each([
  ['a failure', 'echo hidden; echo hidden >&2; exit 3', 'ended with status 3'],
  ['a signal', 'echo hidden; kill -TERM $$', 'ended with SIGTERM'],
  ['too much output', 'echo hidden; exec cat /dev/zero', 'printed more than 65536 bytes'],
])('%s names the program and shows nothing of what it said', async (_, script, problem) => {
  const file = program('bad', script);
  const error = await runKeyCommand([file, 'argument']).catch((thrown: Error) => thrown);
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).toContain(`${file} ${problem}`);
  expect(String(error)).not.toMatch(/hidden|argument/);
});

test('a program that is not there, or none, is named', async () => {
  await expect(runKeyCommand([path.join(folder, 'nope')])).rejects.toThrow('nope is not on this computer');
  const none = path.join(folder, 'none');
  writeFileSync(none, '', { mode: 0o600 });
  await expect(runKeyCommand([none])).rejects.toThrow('none cannot be started (EACCES)');
});

test.each([
  ['when its time is over', () => ({ milliseconds: 200 }), 'within 0.2 s'],
  ['when the controller stops', () => ({ signal: AbortSignal.timeout(200) }), 'controller stops'],
])('%s it is ended, with what it has started', async (_, options, problem) => {
  const pids = path.join(folder, 'pids');
  rmSync(pids, { force: true });
  const file = program('slow', `sleep 600 & echo $! $$ >${pids}.new; mv ${pids}.new ${pids}; wait`);
  const running = runKeyCommand([file], options());
  await expect(running).rejects.toThrow(problem);
  // Killed before it has written them, it has nothing that could be left.
  if (!existsSync(pids)) return;
  for (const pid of readFileSync(pids, 'utf8').trim().split(' ')) while (isAlive(pid)) await sleep(20);
});

function isAlive(pid: string): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
