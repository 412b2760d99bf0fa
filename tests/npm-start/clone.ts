import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The working tree as somebody would have it who cloned it now and installed it. */
export function makeClone(): string {
  // Everybody may pass through, as at an ordinary place: the database's user must.
  const clone = mkdtempSync(path.join(inject('runFolder'), 'clone-'));
  chmodSync(clone, 0o755);
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  for (const name of new Set(listed.split('\0'))) {
    if (!statSync(path.join(root, name), { throwIfNoEntry: false })?.isFile()) continue;
    mkdirSync(path.dirname(path.join(clone, name)), { recursive: true });
    copyFileSync(path.join(root, name), path.join(clone, name));
  }
  linkPackages(path.join(root, 'node_modules'), path.join(clone, 'node_modules'));
  return clone;
}

/** What `npm ci` would have put there, by links: other people's packages to ours, our own ones to the clone's. */
function linkPackages(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (name === '.bin' || name === '@wadi') copyLinks(path.join(from, name), path.join(to, name));
    else if (name !== '.prepared') symlinkSync(realpathSync(path.join(from, name)), path.join(to, name));
  }
  const lock = readFileSync(path.join(root, 'package-lock.json'));
  const stamp = createHash('sha256').update(lock).update(process.version).digest('hex');
  writeFileSync(path.join(to, '.prepared'), stamp);
}

/** Relative ones, which lead to the same place within the clone. */
function copyLinks(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) symlinkSync(readlinkSync(path.join(from, name)), path.join(to, name));
}
