import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { isRunning, processTree } from '../set-up/processes.ts';
import { registerDataDirectory } from '../set-up/run-folder.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';
import { runWadi } from './run-wadi.ts';

vi.setConfig({ testTimeout: 120_000 });

it('wadi serve runs the controller until it is told to end, and ends with its exit code', async () => {
  const data = newDataDirectory();
  registerDataDirectory(data);
  let tree: number[] = [];
  let listed: Promise<{ code: number | null }> | undefined;
  const args = ['serve', '--listen', '127.0.0.1:0', '--sandbox'];
  const ended = await runWadi(args, {
    data,
    onStart: (child, output) => {
      child.stdout?.on('data', () => {
        if (listed || !output().includes('Wadi is ready')) return;
        listed = runWadi(['cluster', 'list'], { data });
        void listed.then(() => {
          tree = processTree(child.pid as number);
          child.kill('SIGTERM');
        });
      });
    },
  });
  expect((await listed)?.code).toBe(0);
  expect(ended.code).toBe(0);
  expect(tree.length).toBeGreaterThan(2);
  expect(tree.filter(isRunning)).toEqual([]);
  expect(existsSync(path.join(data, 'controller.lock'))).toBe(false);
});

it.each([
  [['--nonsense'], '--nonsense'],
  [['--listen', '0.0.0.0:0', '--sandbox'], '0.0.0.0'],
])('wadi serve %j ends with 2 and the reason', async (flags, text) => {
  const { code, stderr } = await runWadi(['serve', ...flags], { data: newDataDirectory() });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(text) });
});
