import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LabController } from '../access/lab-controller.ts';
import type { Finished, Lab } from '../set-up/lab.ts';
import { keepEvidence } from '../set-up/run-folder.ts';

const bin = fileURLToPath(new URL('../../packages/cli/bin/wadi.mjs', import.meta.url));

/** The command line where the controller is, with Sahara's configuration in a file. */
export class WadiAdopt {
  readonly #lab: Lab;
  readonly #wadi: LabController;

  constructor(lab: Lab, wadi: LabController) {
    this.#lab = lab;
    this.#wadi = wadi;
  }

  /** A file beside the controller's data directory. */
  file(name: string, content: string): string {
    const file = path.join(this.#wadi.controller.data, '..', name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  saharaConfig(url: string, name = 'sahara.conf'): string {
    return this.file(name, `[DEFAULT]\ndebug = false\n\n[database]\nconnection = ${url}\nmax_retries = -1\n`);
  }

  /** Host keys as `ssh-keyscan` has them, of all machines. */
  knownHosts(): string {
    const { proxies, machines } = this.#lab.inventory;
    const lines = [...proxies, ...machines].flatMap(({ internalIp, hostKeys }) =>
      hostKeys.map((key) => `${internalIp} ${key}`),
    );
    return this.file('known_hosts', `${lines.join('\n')}\n`);
  }

  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    const { WADI_DATA: _data, WADI_URL: _url, WADI_TOKEN: _token, ...inherited } = process.env;
    const ended = await this.#lab.inController([process.execPath, bin, ...args], {
      env: { ...inherited, WADI_DATA: this.#wadi.controller.data, ...env },
      timeout: 120_000,
    });
    keepEvidence('wadi adopt', ended.stdout + ended.stderr);
    return ended;
  }
}
