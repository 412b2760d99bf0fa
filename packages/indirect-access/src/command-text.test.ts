import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandText } from './command-text.ts';

const shells = ['sh', 'dash', 'bash', 'zsh', 'fish'].filter(
  (shell) => spawnSync(shell, ['-c', 'true']).status === 0,
);

describe('commandText', () => {
  it.each(shells)('runs the same, first its marker and its group, under the login shell %s', (shell) => {
    const { text, marker, prelude } = commandText(`printf '%s\\n' "$X" 'a\\\\b'; echo e >&2`, {
      env: { X: "it's \\ $0" },
    });
    const { stdout, stderr } = spawnSync(shell, ['-c', text], { encoding: 'utf8', input: prelude });
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

  it.each(shells)('takes variables by its input, which it leaves to the command, under %s', (shell) => {
    const env = { A: 'one\n\n two\\\n', l: "'$(id)", EMPTY: '' };
    const { text, prelude } = commandText('printf "%s|" "$A" "$l" "$EMPTY" $#; cat', { env });
    expect(text).not.toContain('two');
    expect(text).not.toContain('$(id)');
    const { stdout } = spawnSync(shell, ['-c', text], { encoding: 'utf8', input: `${prelude}in\nput` });
    expect(stdout.slice(stdout.indexOf('\n') + 1)).toBe(`${Object.values(env).join('|')}|0|in\nput`);
  });

  it.each(shells)('runs nothing when its variables do not arrive whole, under %s', (shell) => {
    const { text, prelude } = commandText('echo ran', { env: { A: 'one\ntwo' } });
    const result = spawnSync(shell, ['-c', text], { encoding: 'utf8', input: prelude.slice(0, -5) });
    expect(result.stdout).not.toContain('ran');
    expect(result.status).toBe(141);
  });

  it('never shows what it runs in a marker that the command could guess', () => {
    expect(commandText('true').marker).not.toBe(commandText('true').marker);
  });
});
