import { spawnSync } from 'node:child_process';

/**
 * Lets every key through and shows every byte as it comes, until the function that it returns is called. Node's own raw
 * mode still turns line feeds into more, which garbles programs that fill the screen.
 */
export function rawTerminal(): () => void {
  const { stdin } = process;
  const before = stty(['-g']);
  if (before === null) {
    stdin.setRawMode(true);
    return () => stdin.setRawMode(false);
  }
  stty(['raw', '-echo']);
  return () => stty([before]);
}

/** What it says; null: there is none, or it failed. */
function stty(args: readonly string[]): string | null {
  const { status, stdout } = spawnSync('stty', args, {
    stdio: ['inherit', 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : null;
}
