import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { FileService } from './file-service.ts';
import { isOurs, OWNER_FILE, TEMPORARY } from './sandbox-folders.ts';

/**
 * Removes, among the temporary files, the machines' files of sandboxes whose data directory is gone: somebody
 * removed it instead of deleting the clusters first. What is in the homes is emptied by the machines' own user.
 */
export async function removeAbandonedFolders(place: string, files: FileService): Promise<void> {
  const names = (await readdir(place).catch(() => [])).filter((name) => TEMPORARY.test(name));
  for (const name of names) {
    const folder = path.join(place, name);
    if (!(await isAbandoned(folder))) continue;
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!/^[0-9a-f]{10}$/.test(entry.name) || !entry.isDirectory()) continue;
      const home = path.join(folder, entry.name, 'home');
      await files.empty(home).catch(() => undefined);
      await rmdir(home).catch(() => undefined);
      await rmdir(path.join(folder, entry.name)).catch(() => undefined);
    }
    await rm(path.join(folder, 'bin'), { recursive: true, force: true });
    await rm(path.join(folder, OWNER_FILE), { force: true });
    await rmdir(folder).catch(() => undefined);
  }
}

/** It names the file that should name it. */
async function isAbandoned(folder: string): Promise<boolean> {
  if (!(await isOurs(folder))) return false;
  const memory = await readFile(path.join(folder, OWNER_FILE), 'utf8').catch(() => null);
  if (memory === null) return false;
  const remembered = await readFile(memory, 'utf8').catch((error) => (error.code === 'ENOENT' ? '' : null));
  return remembered !== null && remembered.trim() !== folder;
}
