import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';

/**
 * The real path of what `wished` names, relative to `home` or absolute; throws EACCES when it lies outside. It keeps
 * machines apart for those who mean well. What keeps a hostile one off this computer's files is that the reader of
 * the result has no more rights than the machine's commands have.
 */
export async function confine(home: string, wished: string, last: 'follow' | 'entry'): Promise<string> {
  const root = await realpath(home);
  const full = path.resolve(root, wished === '~' ? '.' : wished.replace(/^~\//, ''));
  const found = full === root || last === 'follow' ? await follow(full) : await entry(full);
  if (found !== root && !found.startsWith(root + path.sep)) throw outside(wished);
  return found;
}

async function follow(full: string): Promise<string> {
  try {
    return await realpath(full);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // It may be about to be created, but not by way of a link that leads to nothing yet.
    if (await lstat(full).catch(() => undefined)) throw outside(full);
    return entry(full);
  }
}

async function entry(full: string): Promise<string> {
  return path.join(await realpath(path.dirname(full)), path.basename(full));
}

function outside(name: string): NodeJS.ErrnoException {
  const text = `${name}: outside of the machine's home directory, where files of the sandbox are`;
  return Object.assign(new Error(text), { code: 'EACCES' });
}
