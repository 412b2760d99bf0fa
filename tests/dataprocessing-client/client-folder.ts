import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';

/**
 * Where OpenStack's clients run: their home, and nothing of this computer's configuration. Tokens and passwords are in
 * its clouds.yaml, which nobody else may read: the clients would also take them from their arguments or environment,
 * where every user of this computer sees them.
 */
export class ClientFolder {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;

  /** Clouds by name, as in a clouds.yaml. */
  constructor(clouds: Readonly<Record<string, object>>) {
    this.path = mkdtempSync(path.join(inject('runFolder'), 'openstack-'));
    // JSON is YAML.
    const config = this.write('clouds.yaml', { clouds });
    this.env = {
      ...{ PATH: '/usr/bin:/bin', HOME: this.path, LANG: 'C.UTF-8', OS_CLIENT_CONFIG_FILE: config },
      // Spares every process the loading of a resolver that it has no use for.
      EVENTLET_NO_GREENDNS: 'yes',
    };
  }

  write(name: string, content: unknown): string {
    const file = path.join(this.path, name);
    writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  }

  read(name: string): unknown {
    return JSON.parse(readFileSync(path.join(this.path, name), 'utf8'));
  }
}
