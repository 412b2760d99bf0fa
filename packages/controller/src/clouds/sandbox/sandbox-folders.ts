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
 * Where the machines' files are. Not in the data directory: nobody else may look into that, and a machine's
 * commands run as somebody else when the controller is root.
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
      root = await mkdtemp(path.join(await openPlace(user), 'wadi-sandbox-'));
      await writeFile(`${memory}.new`, root, { mode: 0o600 });
      await rename(`${memory}.new`, memory);
    }
    await chmod(root, user ? 0o711 : 0o700);
    const folders = new SandboxFolders(root, user);
    await folders.#ensurePrograms();
    return folders;
  }

  /** Names this sandbox in the environment of its processes. */
  get mark(): string {
    return path.basename(this.root);
  }

  get bin(): string {
    return path.join(this.root, 'bin');
  }

  /** Short, since socket paths below it must stay under 100 bytes. */
  machine(instanceId: string): string {
    return path.join(this.root, createHash('sha256').update(instanceId).digest('hex').slice(0, 10));
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
async function isOurs(folder: string): Promise<boolean> {
  if (!path.isAbsolute(folder)) return false;
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** A place for temporary files into which the machines' user can look. */
async function openPlace(user: SandboxUser | undefined): Promise<string> {
  if (!user) return tmpdir();
  for (const place of [tmpdir(), '/tmp', '/var/tmp']) if (await isOpen(place)) return place;
  throw new Error(`no folder for the sandbox's machines: neither ${tmpdir()} nor /tmp is open to every user`);
}

async function isOpen(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory() || (found.mode & 0o001) === 0) return false;
  const parent = path.dirname(folder);
  return parent === folder || isOpen(parent);
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
