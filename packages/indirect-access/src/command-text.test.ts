import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandText } from './command-text.ts';

const shells = ['sh', 'dash', 'bash', 'zsh', 'fish'].filter(
  (shell) => spawnSync(shell, ['-c', 'true']).status === 0,
);

describe('commandText', () => {
  it.each(shells)('runs the same, first its marker and its group, under the login shell %s', (shell) => {
    const { text, marker } = commandText(`printf '%s\\n' "$X" 'a\\\\b'; echo e >&2`, {
      env: { X: "it's \\ $0" },
    });
    const { stdout, stderr } = spawnSync(shell, ['-c', text], { encoding: 'utf8' });
    const [first, ...rest] = stdout.split('\n');
    expect(first).toMatch(new RegExp(`^${marker} [0-9]+$`));
    expect(rest.join('\n')).toBe("it's \\ $0\na\\\\b\n");
    expect(stderr).toBe(`${marker}\ne\n`);
  });

  it.each(shells)('makes a process group of its own where the server has not, under %s', (shell) => {
    const { text } = commandText('ps -o pgid= -p $$; echo $$');
    const { stdout } = spawnSync(shell, ['-c', text], { encoding: 'utf8' });
    const [, group, pid] = stdout.split('\n').map((line) => line.trim());
    expect(group).toBe(pid);
    expect(stdout).toContain(` ${pid}\n`);
  });

  it('never shows what it runs in a marker that the command could guess', () => {
    expect(commandText('true').marker).not.toBe(commandText('true').marker);
  });
});
