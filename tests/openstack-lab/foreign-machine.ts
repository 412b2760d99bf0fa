import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { OpenStack } from '@wadi/openstack';
import { inject } from 'vitest';
import { userData } from '../../packages/controller/src/clouds/openstack/user-data.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { controllerAddress } from './lab-controller.ts';
import type { Furniture } from './project.ts';

const execute = promisify(execFile);
/** Seconds for one port. */
const deadline = 3;
const name = 'foreign';

/** A machine of the same project on the same network that is none of a cluster's, and can be told to look around. */
export class ForeignMachine {
  readonly #openstack: OpenStack;
  readonly #key: string;
  readonly #ids: { readonly server: string; readonly group: string; readonly floating: string };
  readonly #address: string;

  private constructor(
    openstack: OpenStack,
    key: string,
    { address, ...ids }: { server: string; group: string; floating: string; address: string },
  ) {
    this.#openstack = openstack;
    this.#key = key;
    this.#ids = ids;
    this.#address = address;
  }

  /** Does not wait until it has started. */
  static async create(openstack: OpenStack, given: Furniture): Promise<ForeignMachine> {
    const key = path.join(mkdtempSync(path.join(inject('runFolder'), 'foreign-')), 'key');
    await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', key]);
    plantSecret('private key of the foreign machine', readFileSync(key));
    const group = await openstack.securityGroups.create({ name });
    await openstack.securityGroupRules.create({
      ...{ security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp' },
      ...{ port_range_min: 22, port_range_max: 22, remote_ip_prefix: controllerAddress },
    });
    const authorizedKeys = [readFileSync(`${key}.pub`, 'utf8').trim()];
    const server = await openstack.servers.create({
      ...{ name, flavorRef: given.flavor, imageRef: given.image, networks: [{ uuid: given.network }] },
      // What a project's machines have that nobody thought about, and what lets us tell it what to do.
      security_groups: [{ name: 'default' }, { name: group.id }],
      user_data: userData('script', { loginUser: 'debian', authorizedKeys, command: null }),
    });
    const [port] = await waitFor(async () => {
      const found = await openstack.ports.list({ device_id: server });
      return found.length > 0 ? found : null;
    });
    const outside = (await openstack.networks.list({ name: 'public' }))[0]?.id ?? '';
    const floating = await openstack.floatingIps.create({
      floating_network_id: outside,
      port_id: port?.id ?? '',
    });
    const ids = { server, group: group.id, floating: floating.id };
    return new ForeignMachine(openstack, key, { ...ids, address: floating.floating_ip_address });
  }

  async started(): Promise<void> {
    await waitFor(async () => {
      try {
        return await this.#run('true');
      } catch {
        return null;
      }
    });
  }

  /** Which of the ports take a connection of this machine's. */
  async openPorts(addresses: readonly string[], ports: readonly number[]): Promise<string[]> {
    const look = `nc -z -w ${deadline} "$address" "$port" 2>/dev/null && echo "$address:$port"`;
    const loops = `for address in ${addresses.join(' ')}; do for port in ${ports.join(' ')}; do`;
    const said = await this.#run(`${loops} { ${look}; } & done; done; wait`);
    return said.split('\n').filter((line) => line !== '');
  }

  async delete(): Promise<void> {
    const { server, group, floating } = this.#ids;
    await this.#openstack.floatingIps.delete(floating, { missingOk: true });
    await this.#openstack.servers.delete(server, { missingOk: true });
    await waitFor(async () => ((await this.#openstack.servers.get(server)) === null ? true : null));
    await this.#openstack.securityGroups.delete(group, { missingOk: true });
  }

  /** What it prints; throws where it is not reached or fails. */
  async #run(command: string): Promise<string> {
    const options = [
      'BatchMode=yes',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'ConnectTimeout=10',
    ];
    const argv = ['-F', 'none', '-i', this.#key, ...options.flatMap((option) => ['-o', option])];
    const { stdout } = await execute('ssh', [...argv, `debian@${this.#address}`, command], {
      timeout: 120_000,
    });
    return stdout;
  }
}

/** Ends with the test that waits. */
async function waitFor<T>(look: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    await sleep(2000);
  }
}
