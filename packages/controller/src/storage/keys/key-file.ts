import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { createSecretFile } from '../secret-file.ts';
import { KeySourceError, lineOf, type MasterKey, newMasterKey } from './master-key.ts';

/** Bytes; a key has 62 with its id. */
const largest = 65_536;

/** A file with master keys, one a line. */
export class KeyFile {
  readonly path: string;
  readonly #kind: 'file' | 'credential';

  constructor(file: string, kind: 'file' | 'credential') {
    this.path = file;
    this.#kind = kind;
  }

  /** Makes it with a new key, unless it is there. */
  create(): void {
    // Who may read it is looked at where it is read.
    if (existsSync(this.path)) return;
    try {
      createSecretFile(this.path, () => lineOf(newMasterKey()));
    } catch (error) {
      throw this.#cannot('made', error);
    }
  }

  read(): string {
    let descriptor: number;
    try {
      // A pipe that nobody writes to must not hold up the start.
      descriptor = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw this.#cannot('read', error);
      throw new KeySourceError(`${this.path}: there is no such file with master keys; put it back`);
    }
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) throw new KeySourceError(`${this.path} is no file`);
      this.#refuseReadableByOthers(stat);
      if (stat.size > largest)
        throw new KeySourceError(`${this.path} is too large to be a file of master keys`);
      return readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  }

  /** The file has the new key and all that it had, or is as it was, whatever happens meanwhile. */
  putInFront(key: MasterKey): void {
    const before = this.read();
    try {
      // What the name leads to is replaced, not the link.
      const file = realpathSync(this.path);
      const temporary = `${file}.${randomBytes(6).toString('hex')}`;
      try {
        writeDurably(temporary, `${lineOf(key)}${before}`);
        renameSync(temporary, file);
      } finally {
        rmSync(temporary, { force: true });
      }
      syncDirectory(path.dirname(file));
    } catch (error) {
      throw this.#cannot('written', error);
    }
  }

  #refuseReadableByOthers({ mode, uid }: Stats): void {
    const shown = (mode & 0o777).toString(8);
    // systemd lets the service's user in by an access list, whose mask shows as the rights of the group.
    if (this.#kind === 'credential') {
      if ((mode & 0o007) === 0) return;
      throw new KeySourceError(
        `${this.path} can be read by everybody (mode ${shown}): that is no credential`,
      );
    }
    if ((mode & 0o077) !== 0)
      throw new KeySourceError(`${this.path} can be read by others (mode ${shown}): chmod 600 it`);
    const own = process.geteuid?.() ?? uid;
    if (uid !== own)
      throw new KeySourceError(`${this.path} belongs to another user (uid ${uid}): chown it to uid ${own}`);
  }

  #cannot(done: string, error: unknown): KeySourceError {
    if (error instanceof KeySourceError) return error;
    const { code, message } = error as NodeJS.ErrnoException;
    return new KeySourceError(`${this.path} cannot be ${done}: ${code ?? message}`, { cause: error });
  }
}

function writeDurably(file: string, content: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Without it a power failure could bring the old file back after the database has taken the new key into use. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
