import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Programs } from './programs.ts';

/** Where the server's files are and as whom it runs. */
export interface Place {
  readonly directory: string;
  readonly bin: string;
  /** PostgreSQL refuses to run as root; then it runs as `daemon`. */
  readonly identity: { readonly uid: number; readonly gid: number } | null;
}

/**
 * `daemon`, which exists on every Unix: initdb looks the user up. Not `nobody`: as that run the sandbox's commands, which
 * could then stop the server and read its files.
 */
const daemon = { uid: 1, gid: 1 };
/** Where files go that `daemon` could not reach in a private data directory. */
const system = '/var/lib/wadi';

/**
 * `<data>/postgres`, made if absent. Started by root below a directory that only root may enter, it is a link to a
 * place of its own under /var/lib/wadi, and the programs are copied there too.
 */
export function ensurePlace(dataDirectory: string, programs: Programs, tell: (text: string) => void): Place {
  const own = path.join(dataDirectory, 'postgres');
  if (process.getuid?.() !== 0) {
    fs.mkdirSync(own, { recursive: true, mode: 0o700 });
    return { directory: fs.realpathSync(own), bin: programs.bin, identity: null };
  }
  const place = ensureDirectory(own, tell);
  return { directory: place, bin: ensureReachablePrograms(programs, tell), identity: daemon };
}

function ensureDirectory(own: string, tell: (text: string) => void): string {
  const present = fs.lstatSync(own, { throwIfNoEntry: false });
  if (present?.isSymbolicLink() && !fs.existsSync(own))
    throw new Error(
      `the database is gone: ${own} points to ${fs.readlinkSync(own)}, which does not exist. Put it back, or remove the ` +
        'data directory to begin anew',
    );
  if (present && canEnter(own)) return fs.realpathSync(own);
  if (!present && canEnter(path.dirname(own))) {
    fs.mkdirSync(own, { mode: 0o700 });
    fs.chownSync(own, daemon.uid, daemon.gid);
    return fs.realpathSync(own);
  }
  ensureSystemDirectory();
  // Random, not derived from the path: a new clone at an old place must not find the old one's database.
  const hint = createHash('sha256').update(own).digest('hex').slice(0, 8);
  const elsewhere = path.join(system, `${hint}-${randomBytes(4).toString('hex')}`);
  if (present) fs.renameSync(own, elsewhere);
  else fs.mkdirSync(elsewhere, { mode: 0o700 });
  fs.chownSync(elsewhere, daemon.uid, daemon.gid);
  // For whoever finds it when the data directory is long gone.
  fs.writeFileSync(path.join(elsewhere, 'data-directory'), `${own}\n`);
  fs.symlinkSync(elsewhere, own);
  tell(
    `the database is at ${elsewhere}: PostgreSQL does not run as root, and its user may not enter ${path.dirname(own)}`,
  );
  return elsewhere;
}

function ensureReachablePrograms(programs: Programs, tell: (text: string) => void): string {
  if (programs.root === null || (canEnter(programs.root) && everyoneMayRead(programs.root)))
    return programs.bin;
  ensureSystemDirectory();
  const target = path.join(system, `postgresql-${programs.version}`);
  if (!fs.existsSync(target)) {
    const copy = `${target}.${randomBytes(4).toString('hex')}`;
    fs.cpSync(programs.root, copy, { recursive: true, verbatimSymlinks: true });
    openToEveryone(copy);
    try {
      fs.renameSync(copy, target);
      tell(`PostgreSQL's programs were copied to ${target}: its user may not enter ${programs.root}`);
    } catch (error) {
      fs.rmSync(copy, { recursive: true, force: true });
      // Another start was faster.
      if (!fs.existsSync(target)) throw error;
    }
  }
  return path.join(target, 'bin');
}

function ensureSystemDirectory(): void {
  // Whatever the umask says.
  if (fs.mkdirSync(system, { recursive: true })) fs.chmodSync(system, 0o755);
  const { uid, mode } = fs.statSync(system);
  if (uid !== 0 || (mode & 0o022) !== 0) throw new Error(`${system} must belong to root alone (chmod 755)`);
  if (!canEnter(system)) throw new Error(`${system} must be open to every user (chmod 755)`);
}

/** Whether `daemon` may pass through every directory down to this one. */
function canEnter(directory: string): boolean {
  for (let at = fs.realpathSync(directory); ; at = path.dirname(at)) {
    const { uid, gid, mode } = fs.statSync(at);
    const bit = uid === daemon.uid ? 0o100 : gid === daemon.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** A careful umask at install time leaves files that only root may read. */
function everyoneMayRead(root: string): boolean {
  return ['bin/postgres', 'bin/initdb', 'lib', 'share'].every((name) => {
    const stat = fs.statSync(path.join(root, name), { throwIfNoEntry: false });
    return !stat || (stat.mode & 0o005) === 0o005;
  });
}

function openToEveryone(directory: string): void {
  fs.chmodSync(directory, 0o755);
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) openToEveryone(file);
    else if (entry.isFile()) fs.chmodSync(file, fs.statSync(file).mode & 0o111 ? 0o755 : 0o644);
  }
}
