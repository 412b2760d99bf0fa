import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin, Plugins } from '../clusters/plugin.ts';
import { type PluginSource, readPlugin } from './read-plugin.ts';

/** The folder with the plugins that come with Wadi. */
export const builtInPlugins = fileURLToPath(new URL('.', import.meta.url));

/** Bytes of one file of a plugin; it is sent to every machine. */
const largestFile = 1024 * 1024;

/**
 * Reads the plugin in each folder of the folders given; later ones may not take a name that is taken. What they hold is
 * read now and never again: a file that changes later is a changed plugin at the next start.
 */
export async function loadPlugins(folders: readonly string[] = [builtInPlugins]): Promise<Plugins> {
  const plugins = new Map<string, Plugin>();
  for (const folder of folders) {
    if (folder !== builtInPlugins) refuseForeign(folder, await stat(folder));
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
      const source = await readFolder(join(folder, entry.name), folder !== builtInPlugins);
      const plugin = readPlugin(source);
      const { path } = source;
      if (plugin.name !== entry.name)
        throw new Error(`${path}: name: the plugin is called ${plugin.name}, its folder ${entry.name}`);
      if (plugins.has(plugin.name))
        throw new Error(`${path}: name: there is a plugin ${plugin.name} already`);
      plugins.set(plugin.name, plugin);
    }
  }
  return plugins;
}

async function readFolder(folder: string, guarded: boolean): Promise<PluginSource> {
  const path = join(folder, 'plugin.yaml');
  const text = await readGuarded(path, guarded);
  const scripts = new Map<string, string>();
  const place = join(folder, 'scripts');
  const names = await readdir(place).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (guarded)
    for (const each of [folder, ...(names.length > 0 ? [place] : [])]) refuseForeign(each, await lstat(each));
  for (const name of names.sort()) scripts.set(name, await readGuarded(join(place, name), guarded));
  return { path, text, scripts, hash: hashOf(text, scripts) };
}

async function readGuarded(path: string, guarded: boolean): Promise<string> {
  const facts = await lstat(path);
  if (!facts.isFile()) throw new Error(`${path}: is not a file`);
  if (facts.size > largestFile) throw new Error(`${path}: is larger than ${largestFile} bytes`);
  if (guarded) refuseForeign(path, facts);
  return readFile(path, 'utf8');
}

/** A plugin runs as root on machines: only an admin of this computer may have written it. */
function refuseForeign(path: string, { uid, mode }: Stats): void {
  const own = process.getuid?.();
  if (own === undefined) return;
  if (uid !== 0 && uid !== own)
    throw new Error(`${path}: belongs to another user of this computer; plugins are installed by its admin`);
  if ((mode & 0o022) !== 0)
    throw new Error(`${path}: others may write to it; plugins are installed by an admin (chmod go-w)`);
}

function hashOf(text: string, scripts: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  // JSON keeps names and contents apart: no two folders have the same text.
  return hash.update(JSON.stringify([text, ...scripts])).digest('hex');
}
