import {
  type AccessMethod,
  ApiError,
  type ImportedMachine,
  type ImportRequest,
  type MachinesRequest,
} from '@wadi/api';
import { AccessError } from '@wadi/indirect-access';
import { parseHostKey } from '../../access/host-key.ts';
import { derivationRounds, openIdentity } from '../../access/open-identity.ts';
import type { StoredIdentity } from '../../access/stored-identity.ts';
import { addressProblem } from './machine-address.ts';

/** Machines in the node groups that they form. */
export interface PlannedMachines {
  /** By label; those that a machine has. */
  readonly identities: ReadonlyMap<string, StoredIdentity>;
  readonly groups: readonly PlannedGroup[];
}

export interface PlannedGroup {
  readonly name: string;
  readonly isProxy: boolean;
  readonly machines: readonly (ImportedMachine & { readonly host_keys: string[] })[];
}

/** What a cluster has already when machines are added to it. */
export interface PresentMachines {
  readonly machines: readonly {
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly isProxy: boolean;
    readonly nodeGroup: string;
  }[];
  /** Whether it is reached through proxies: all other machines' addresses mean something behind them only. */
  readonly hasProxy: boolean;
}

/** What the controller may dial, and how. */
interface Reach {
  readonly allowNetworks: readonly string[];
  readonly method: AccessMethod;
}

/** Of all passphrases of a request together: each round stops the controller for some 20 ms. */
const mostRounds = 100;
const tooManyRounds =
  `the passphrases of one request may take ${mostRounds} rounds together; take fewer keys, or change the passphrase with ` +
  'ssh-keygen -p -a 16';

/** The machines of a cluster to be. */
export function planImport(
  request: ImportRequest,
  allowNetworks: readonly string[],
  method: AccessMethod = 'fixed_ip',
): PlannedMachines {
  const problems: string[] = [];
  const used = request.machines.filter((machine) => !machine.spare);
  const hasProxy = request.machines.some((machine) => machine.is_proxy);
  if (used.length === 0) problems.push('machines: all of them are spare: a cluster begins with one at least');
  else if (hasProxy && !used.some((machine) => machine.is_proxy))
    problems.push('machines: all proxies are spare, but the other machines are reached through one');
  const none = { machines: [], hasProxy };
  return planMachines(request, { allowNetworks, method }, none, problems);
}

/** Spare machines of a cluster that is there. */
export function planAddition(
  request: MachinesRequest,
  allowNetworks: readonly string[],
  present: PresentMachines,
  method: AccessMethod = 'fixed_ip',
): PlannedMachines {
  const problems = request.machines
    .filter((machine) => machine.spare === false)
    .map(({ name }) => `machine ${name}: spare is false: it is spare until the cluster is scaled`);
  return planMachines(request, { allowNetworks, method }, present, problems);
}

/** All that is wrong is said at once, each with the machine's name; no key is ever quoted. */
function planMachines(
  request: MachinesRequest,
  { allowNetworks, method }: Reach,
  { machines: present, hasProxy }: PresentMachines,
  problems: string[],
): PlannedMachines {
  const identities = openIdentities(request, problems);
  const groups = new Map<string, { isProxy: boolean; machines: PlannedGroup['machines'][number][] }>();
  for (const { nodeGroup, isProxy } of present) groups.set(nodeGroup, { isProxy, machines: [] });
  const names = new Map(present.map(({ name }) => [name.toLowerCase(), 'the cluster has one of this name']));
  const places = new Map(present.map((one) => [placeOf(one), `is that of ${one.name}`]));
  for (const machine of request.machines) {
    const say = (problem: string) => problems.push(`machine ${machine.name}: ${problem}`);
    const isProxy = machine.is_proxy ?? false;
    const port = machine.port ?? 22;
    const name = machine.name.toLowerCase();
    if (names.has(name)) say(names.get(name) ?? '');
    names.set(name, 'its name is given twice');
    const place = placeOf({ isProxy, address: machine.address, port });
    if (places.has(place)) say(`${machine.address} port ${port} ${places.get(place)}`);
    places.set(place, 'is given twice');
    const dialled = isProxy || !hasProxy;
    const byFloating = method === 'floating_ip';
    const byAddress = !byFloating && method !== 'agent';
    const { management_address: door } = machine;
    const address = addressProblem(machine.address, dialled && byAddress && !door, allowNetworks);
    if (address) say(address);
    // It is dialled the day when it is promoted.
    const management = door && addressProblem(door, true, allowNetworks);
    if (management) say(`management_address: ${management}`);
    const floating = machine.floating_ip && addressProblem(machine.floating_ip, byFloating, allowNetworks);
    if (floating) say(`floating_ip: ${floating}`);
    if (dialled && byFloating && machine.floating_ip === undefined)
      say('it has no floating_ip, by which it is to be reached');
    if (!Object.hasOwn(request.identities, machine.identity))
      say(`identity '${machine.identity}' is not among identities`);
    const keys = (machine.host_keys ?? []).map(parseHostKey);
    if (keys.includes(null))
      say('host_keys has an entry that is no OpenSSH public key (ssh-keyscan prints them)');
    if (keys.length === 0 && !request.trust_first_contact)
      say('it has no host_keys, and trust_first_contact is not set');
    const groupName = machine.node_group ?? (isProxy ? 'proxy' : 'machines');
    const group = groups.get(groupName) ?? { isProxy, machines: [] };
    groups.set(groupName, group);
    if (group.isProxy !== isProxy)
      say(`node group ${groupName} has proxies and others: give them groups of their own`);
    group.machines.push({ ...machine, host_keys: keys.filter((key) => key !== null) });
  }
  if (problems.length > 0) throw new ApiError(400, 'INVALID_DATA', tell(problems));
  const wanted = new Set(request.machines.map(({ identity }) => identity));
  return {
    identities: new Map([...identities].filter(([label]) => wanted.has(label))),
    groups: [...groups]
      .map(([name, group]) => ({ name, ...group }))
      .filter(({ machines }) => machines.length > 0),
  };
}

/** Behind a proxy the same address may be another machine than before it. */
function placeOf({
  isProxy,
  address,
  port,
}: Omit<PresentMachines['machines'][number], 'name' | 'nodeGroup'>) {
  return `${isProxy} ${address} ${port}`;
}

function openIdentities(request: MachinesRequest, problems: string[]): Map<string, StoredIdentity> {
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
  return identities;
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
