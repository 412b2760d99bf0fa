import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { ImportedIdentity, ImportedMachine, ImportRequest, MachinesRequest } from '@wadi/api';
import { usageError } from './command-error.ts';
import { readIdentity } from './identity-file.ts';
import { keysOf } from './known-hosts.ts';
import { foldNames } from './node-set.ts';

type Fields = Readonly<Record<string, unknown>>;

const machinesFields = ['user', 'port', 'identity', 'known_hosts', 'trust_first_contact', 'machines'];
const clusterFields = ['name', 'description', 'plugin_name', 'plugin_version', 'access'];

interface Options {
  readonly trustFirstContact?: boolean;
}

/**
 * The request that an import file stands for. Key files and known_hosts are read here, on the user's computer.
 * @param folder where relative file names begin: the import file's own.
 */
export async function importRequest(
  description: Fields,
  folder: string,
  options: Options = {},
): Promise<ImportRequest> {
  checkNames(description, [...clusterFields, ...machinesFields]);
  return {
    ...texts(description, ['description', 'plugin_name', 'plugin_version']),
    name: requiredText(description, 'name', 'the file'),
    ...accessOf(description),
    ...(await readMachines(description, folder, options)),
  };
}

/** The same of a file with machines for a cluster that is there. */
export async function machinesRequest(
  description: Fields,
  folder: string,
  options: Options = {},
): Promise<MachinesRequest> {
  checkNames(description, machinesFields);
  return readMachines(description, folder, options);
}

/** What is in it is the controller's business. */
function accessOf({ access }: Fields): Pick<ImportRequest, 'access'> {
  if (access === undefined) return {};
  if (typeof access === 'object' && access !== null && !Array.isArray(access)) return { access };
  throw usageError('"access" is not a list of settings', 'As in: access: { method: floating_ip }');
}

function checkNames(description: Fields, known: readonly string[]): void {
  for (const name of Object.keys(description))
    if (!known.includes(name)) throw usageError(`"${name}" is not known`, `Known: ${known.join(', ')}`);
}

async function readMachines(description: Fields, folder: string, options: Options): Promise<MachinesRequest> {
  const { machines } = description;
  if (!Array.isArray(machines) || machines.length === 0) throw usageError('"machines" has no entry');
  const trust = options.trustFirstContact || description.trust_first_contact === true;
  const reader = new FileReader(folder);
  const knownHosts = await reader.knownHosts(description.known_hosts);
  const identities: Record<string, ImportedIdentity> = {};
  const described: ImportedMachine[] = [];
  for (const [place, fields] of machines.entries()) {
    const machine = machineFrom({ ...defaultsOf(description), ...fields }, place, knownHosts);
    const label = reader.path(machine.identity);
    identities[label] ??= await readIdentity(label);
    described.push({ ...machine, identity: label });
  }
  const unknown = described.filter((machine) => !machine.host_keys?.length);
  if (unknown.length > 0 && !trust) {
    throw usageError(
      `no host key is known of ${foldNames(unknown.map((machine) => machine.name))}`,
      'Add host_keys (from the machine: /etc/ssh/ssh_host_*_key.pub) or a known_hosts file with them; or let Wadi take and pin the keys it meets first: --trust-first-contact.',
    );
  }
  return {
    identities: withShortLabels(identities, described),
    machines: described,
    ...(trust && { trust_first_contact: true }),
  };
}

/** Full paths of the user's computer are nobody else's business. */
function withShortLabels(identities: Record<string, ImportedIdentity>, machines: ImportedMachine[]) {
  const labels = new Map(Object.keys(identities).map((file, n) => [file, `key-${n + 1}`]));
  for (const machine of machines) machine.identity = labels.get(machine.identity) ?? machine.identity;
  return Object.fromEntries(Object.entries(identities).map(([file, key]) => [labels.get(file) ?? file, key]));
}

function defaultsOf(description: Fields): Fields {
  const { user, port, identity } = description;
  return {
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port }),
    ...(identity !== undefined && { identity }),
  };
}

const machineFields = [
  ...[
    'name',
    'address',
    'port',
    'user',
    'identity',
    'is_proxy',
    'node_group',
    'host_keys',
    'spare',
    'floating_ip',
    'management_address',
  ],
];

function machineFrom(fields: Fields, place: number, knownHosts: string): ImportedMachine {
  const which = typeof fields.name === 'string' ? `machine ${fields.name}` : `machine number ${place + 1}`;
  for (const name of Object.keys(fields)) {
    if (!machineFields.includes(name)) {
      throw usageError(`${which}: "${name}" is not known`, `Known: ${machineFields.join(', ')}`);
    }
  }
  const address = requiredText(fields, 'address', which);
  const port = typeof fields.port === 'number' ? fields.port : 22;
  const given = Array.isArray(fields.host_keys) ? fields.host_keys.map(String) : undefined;
  const keys = given ?? keysOf(knownHosts, address, port);
  return {
    ...(fields as Partial<ImportedMachine>),
    name: requiredText(fields, 'name', which),
    address,
    port,
    user: requiredText(fields, 'user', which),
    identity: requiredText(fields, 'identity', which),
    ...(keys.length > 0 && { host_keys: keys }),
  };
}

function requiredText(fields: Fields, name: string, which: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw usageError(`${which} has no "${name}"`);
}

function texts(fields: Fields, names: readonly string[]): Partial<ImportRequest> {
  return Object.fromEntries(
    names.filter((name) => fields[name] !== undefined).map((name) => [name, String(fields[name])]),
  );
}

class FileReader {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  path(file: string): string {
    return path.resolve(this.#folder, file.replace(/^~(?=\/|$)/, homedir()));
  }

  /** The named file must be there; the user's own is read when it is. */
  async knownHosts(named: unknown): Promise<string> {
    const file = this.path(typeof named === 'string' ? named : '~/.ssh/known_hosts');
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (named === undefined && code === 'ENOENT') return '';
      throw usageError(`cannot read ${file}: ${code}`);
    }
  }
}
