import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** What a machine is: everything that a restart of the controller must bring back. */
export interface MachineRecord {
  readonly instanceId: string;
  readonly clusterId: string;
  readonly name: string;
  readonly isProxy: boolean;
  /** It serves as a proxy, and listens as one does, though it was not made to be one. */
  readonly promoted?: boolean;
  /** In the private network. */
  readonly address: string;
  /** Of a proxy, on loopback; null until it has listened for the first time. */
  readonly port: number | null;
  readonly running: boolean;
  readonly authorizedKey: string;
  /** Its own key pair, in OpenSSH's formats. */
  readonly hostKey: string;
  readonly hostPublicKey: string;
}

/** The machines' records, one file each, readable by nobody else: they hold private host keys. */
export class MachineRecords {
  readonly #directory: string;
  #writes = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async readAll(): Promise<MachineRecord[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.json'));
    return Promise.all(
      names.map(async (name) => JSON.parse(await readFile(path.join(this.#directory, name), 'utf8'))),
    );
  }

  /** Replaces the file as a whole, so that a crash leaves the old record or the new one. */
  async write(record: MachineRecord): Promise<void> {
    const file = this.#file(record.instanceId);
    this.#writes += 1;
    const draft = `${file}.${process.pid}.${this.#writes}`;
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(JSON.stringify(record, null, 2));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  }

  async remove(instanceId: string): Promise<void> {
    await rm(this.#file(instanceId), { force: true });
  }

  #file(instanceId: string): string {
    return path.join(this.#directory, `${instanceId}.json`);
  }
}
