import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SandboxUser } from './sandbox-user.ts';

/** Names of the folders that are made among the temporary files. */
export const TEMPORARY = /^wadi-sandbox-[A-Za-z0-9]{6}$/;
/** In such a folder: says which file of a data directory remembers it. */
export const OWNER_FILE = 'owner';

/** Programs that answer as a machine would; they come first in its PATH. */
const programs: Readonly<Record<string, string>> = {
  hostname: `#!/bin/sh
printf '%s\\n' "$WADI_SANDBOX_MACHINE"
`,
  uname: `#!/bin/sh
case "$*" in
  -n | --nodename) printf '%s\\n' "$WADI_SANDBOX_MACHINE" ;;
  *) for program in /usr/bin/uname /bin/uname; do [ -x "$program" ] && exec "$program" "$@"; done ;;
esac
`,
  sudo: `#!/bin/sh
printf 'sudo: a password is required: nobody is root on a machine of the sandbox\\n' >&2
exit 1
`,
};

/**
 * Where the machines' files are: beside their records, unless the machines' user cannot get there. That is so when
 * root keeps its data below a directory of its own; then they are among the temporary files.
 */
export class SandboxFolders {
  readonly root: string;
  readonly #user: SandboxUser | undefined;

  private constructor(root: string, user: SandboxUser | undefined) {
    this.root = root;
    this.#user = user;
  }

  /** Finds the folder that `directory` remembers, else makes one; a reboot may have swept it away. */
  static async findOrCreate(directory: string, user: SandboxUser | undefined): Promise<SandboxFolders> {
    const memory = path.join(directory, 'folder');
    let root = (await readFile(memory, 'utf8').catch(() => '')).trim();
    if (!(await isOurs(root))) {
      root = await makeRoot(directory, user);
      await writeFile(`${memory}.new`, root, { mode: 0o600 });
      await rename(`${memory}.new`, memory);
      // After that file, so that nobody takes the folder for abandoned meanwhile.
      await writeFile(path.join(root, OWNER_FILE), memory, { mode: 0o600 });
    }
    await chmod(root, user ? 0o711 : 0o700);
    const folders = new SandboxFolders(root, user);
    await folders.#ensurePrograms();
    return folders;
  }

  /** Names this sandbox in the environment of its processes. */
  get mark(): string {
    return digest(this.root);
  }

  get bin(): string {
    return path.join(this.root, 'bin');
  }

  /** Short, since socket paths below it must stay under 100 bytes. */
  machine(instanceId: string): string {
    return path.join(this.root, digest(instanceId).slice(0, 10));
  }

  home(instanceId: string): string {
    return path.join(this.machine(instanceId), 'home');
  }

  async ensureHome(instanceId: string): Promise<void> {
    const home = this.home(instanceId);
    await mkdir(this.machine(instanceId)).catch(unlessThere);
    await chmod(this.machine(instanceId), 0o711);
    await mkdir(home, { mode: 0o700 }).catch(unlessThere);
    // Safe although it follows links: nobody but us can replace an entry of the folder above.
    if (this.#user) await chown(home, this.#user.uid, this.#user.gid);
  }

  /** After the file worker has emptied the home directory. */
  async removeMachine(instanceId: string): Promise<void> {
    await rmdir(this.home(instanceId)).catch(unlessGone);
    await rmdir(this.machine(instanceId)).catch(unlessGone);
  }

  /** When no machine is left: the next one finds or makes it again. */
  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  async #ensurePrograms(): Promise<void> {
    await mkdir(this.bin).catch(unlessThere);
    await chmod(this.bin, 0o755);
    for (const [name, text] of Object.entries(programs)) {
      const file = path.join(this.bin, name);
      await writeFile(file, text, { mode: 0o755 });
      await chmod(file, 0o755);
    }
  }
}

/** Not a link, and neither owned nor writable by anybody else. */
export async function isOurs(folder: string): Promise<boolean> {
  if (!path.isAbsolute(folder)) return false;
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

async function makeRoot(directory: string, user: SandboxUser | undefined): Promise<string> {
  const beside = path.join(directory, 'files');
  if (!user || (await isOpen(directory))) {
    await mkdir(beside).catch(unlessThere);
    return beside;
  }
  for (const place of [tmpdir(), '/tmp', '/var/tmp'])
    if (await isOpen(place)) return mkdtemp(path.join(place, 'wadi-sandbox-'));
  throw new Error(`no folder for the sandbox's machines: neither ${tmpdir()} nor /tmp is open to every user`);
}

/** Whether every user may pass through to what lies in it. */
async function isOpen(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory() || (found.mode & 0o001) === 0) return false;
  const parent = path.dirname(folder);
  return parent === folder || isOpen(parent);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 20);
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
