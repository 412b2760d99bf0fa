import { ApiError, type ImportedMachine, type ImportRequest } from '@wadi/api';
import { AccessError } from '@wadi/indirect-access';
import { parseHostKey } from '../../access/host-key.ts';
import { derivationRounds, openIdentity } from '../../access/open-identity.ts';
import type { StoredIdentity } from '../../access/stored-identity.ts';
import { addressProblem } from './machine-address.ts';

/** Machines in the node groups that they will form. */
export interface PlannedImport {
  /** By label. */
  readonly identities: ReadonlyMap<string, StoredIdentity>;
  readonly groups: readonly PlannedGroup[];
}

export interface PlannedGroup {
  readonly name: string;
  readonly isProxy: boolean;
  readonly machines: readonly (ImportedMachine & { readonly host_keys: string[] })[];
}

/** Of all passphrases of a request together: each round stops the controller for some 20 ms. */
const mostRounds = 100;
const tooManyRounds =
  `the passphrases of one import may take ${mostRounds} rounds together; take fewer keys, or change the passphrase with ` +
  'ssh-keygen -p -a 16';

/** All that is wrong is said at once, each with the machine's name; no key is ever quoted. */
export function planImport(request: ImportRequest, allowNetworks: readonly string[]): PlannedImport {
  const problems: string[] = [];
  const identities = new Map<string, StoredIdentity>();
  let rounds = 0;
  for (const [label, identity] of Object.entries(request.identities)) {
    rounds += identity.passphrase === undefined ? 0 : derivationRounds(identity.private_key);
    const opened = rounds > mostRounds ? tooManyRounds : open(identity);
    // A long label is not quoted: it may be the key itself, in the wrong place.
    if (label.length > 64) problems.push('identities: a label has more than 64 characters');
    else if (typeof opened === 'string') problems.push(`identities[${label}]: ${opened}`);
    else identities.set(label, opened);
  }
  const hasProxy = request.machines.some((machine) => machine.is_proxy);
  const groups = new Map<string, { isProxy: boolean; machines: PlannedGroup['machines'][number][] }>();
  const names = new Set<string>();
  const places = new Set<string>();
  for (const machine of request.machines) {
    const say = (problem: string) => problems.push(`machine ${machine.name}: ${problem}`);
    const isProxy = machine.is_proxy ?? false;
    if (names.has(machine.name.toLowerCase())) say('its name is given twice');
    names.add(machine.name.toLowerCase());
    const place = `${isProxy} ${machine.address} ${machine.port ?? 22}`;
    if (places.has(place)) say(`${machine.address} port ${machine.port ?? 22} is given twice`);
    places.add(place);
    const address = addressProblem(machine.address, isProxy || !hasProxy, allowNetworks);
    if (address) say(address);
    if (!Object.hasOwn(request.identities, machine.identity))
      say(`identity '${machine.identity}' is not among identities`);
    const keys = (machine.host_keys ?? []).map(parseHostKey);
    if (keys.includes(null))
      say('host_keys has an entry that is no OpenSSH public key (ssh-keyscan prints them)');
    if (keys.length === 0 && !request.trust_first_contact)
      say('it has no host_keys, and trust_first_contact is not set');
    const name = machine.node_group ?? (isProxy ? 'proxy' : 'machines');
    const group = groups.get(name) ?? { isProxy, machines: [] };
    groups.set(name, group);
    if (group.isProxy !== isProxy)
      say(`node group ${name} has proxies and others: give them groups of their own`);
    group.machines.push({ ...machine, host_keys: keys.filter((key) => key !== null) });
  }
  if (problems.length > 0) throw new ApiError(400, 'INVALID_DATA', tell(problems));
  return { identities, groups: [...groups].map(([name, group]) => ({ name, ...group })) };
}

/** The identity, or what is wrong with it. */
function open({
  private_key: key,
  passphrase,
}: ImportRequest['identities'][string]): StoredIdentity | string {
  try {
    return openIdentity(key, passphrase);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    return `${error.message}${error.hint ? `; ${error.hint}` : ''}`;
  }
}

function tell(problems: readonly string[]): string {
  const more = problems.length > 20 ? [`… and ${problems.length - 20} more`] : [];
  return [...problems.slice(0, 20), ...more].join('\n');
}
