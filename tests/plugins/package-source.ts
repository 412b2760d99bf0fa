import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../node_modules/.cache/wadi-packages/', import.meta.url));

/**
 * A folder that APT can install `name` from: Debian's packages, those that this computer has not, as it would download
 * them, with an index. Fetched once; nothing is installed here.
 */
export async function packageSource(name: string): Promise<string> {
  // Nothing but what is missing here has to be there for machines that show this computer's programs.
  const simulate = () => run('apt-get', ['-s', 'install', '--no-install-recommends', name]);
  // A new computer knows no packages until it is told to look.
  const { stdout } = await simulate().catch(async () => {
    await run('apt-get', ['update', '-qq']);
    return simulate();
  });
  const wanted = [...stdout.matchAll(/^Inst (\S+) \((\S+)/gm)].map(
    ([, each, version]) => `${each}=${version}`,
  );
  const folder = path.join(
    cache,
    `${name}-${createHash('sha256').update(wanted.join()).digest('hex').slice(0, 16)}`,
  );
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(path.join(cache, 'new-'));
  await run('apt-get', ['download', '-q', ...wanted], { cwd: fresh, maxBuffer: 16 << 20 });
  const entries = await Promise.all(
    (await readdir(fresh)).map(async (file) => {
      const control = await run('dpkg-deb', ['-f', path.join(fresh, file)]);
      const content = await readFile(path.join(fresh, file));
      const digest = createHash('sha256').update(content).digest('hex');
      return `${control.stdout.trimEnd()}\nFilename: ./${file}\nSize: ${content.length}\nSHA256: ${digest}\n`;
    }),
  );
  await writeFile(path.join(fresh, 'Packages'), entries.join('\n'));
  // Whole or not at all; another test may have been faster.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true }));
  return folder;
}
