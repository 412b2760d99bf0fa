import { type AdoptionRequest, ApiError } from '@wadi/api';
import { AccessError, publicKeyOf } from '@wadi/indirect-access';
import { type AccessPolicy, methodOf } from '../../access/access-settings.ts';
import { parseHostKey } from '../../access/host-key.ts';
import type { StoredIdentity } from '../../access/stored-identity.ts';
import { adoptedCloud } from '../../clusters/adopted.ts';
import { addressProblem } from './machine-address.ts';

/** A cluster as it will be stored. */
export interface PlannedAdoption {
  readonly identity: StoredIdentity & { readonly publicKey: string };
  readonly groups: readonly PlannedGroup[];
}

interface PlannedGroup {
  readonly group: AdoptionRequest['node_groups'][number];
  readonly machines: readonly PlannedMachine[];
}

export interface PlannedMachine {
  readonly id: string;
  readonly name: string;
  readonly serverId: string | null;
  readonly internalIp: string;
  /** Null: the controller does not dial it. */
  readonly managementIp: string | null;
  readonly floatingIp: string | null;
  readonly hostKeys: readonly string[];
}

/** Problems that a message names. */
const most = 20;

/** All that is wrong is said at once, each with the name of its machine; no private key is ever quoted. */
export function planAdoption(request: AdoptionRequest, policy: AccessPolicy): PlannedAdoption {
  const problems: string[] = [];
  const identity = openKey(request, problems);
  const { access = {}, project_id } = request;
  const method = methodOf({ cloud: adoptedCloud, project_id, access }, policy);
  const hasProxy = request.node_groups.some((group) => group.is_proxy && group.instances.length > 0);
  const names = new Set<string>();
  const ids = new Set<string>([request.id]);
  const groups = request.node_groups.map((group) => {
    if (ids.has(group.id)) problems.push(`node group ${group.name}: its id is given twice`);
    ids.add(group.id);
    const dialled = group.is_proxy || !hasProxy;
    const machines = group.instances.map((instance): PlannedMachine => {
      const { id, name, server_id: serverId, internal_ip: internalIp, host_keys = [] } = instance;
      const say = (problem: string) => problems.push(`machine ${name}: ${problem}`);
      if (ids.has(id)) say('its id is given twice');
      ids.add(id);
      if (names.has(name.toLowerCase())) say('its name is given twice');
      names.add(name.toLowerCase());
      if (internalIp === null) say('Sahara knows no address of it');
      const outer = instance.management_ip ?? internalIp;
      const floatingIp = outer === internalIp ? null : outer;
      const managementIp = dialled ? outer : floatingIp;
      const knocked = method === 'fixed_ip' ? outer : method === 'floating_ip' ? floatingIp : internalIp;
      if (dialled && method === 'floating_ip' && floatingIp === null)
        say('it has no floating address, by which it is to be reached');
      for (const each of new Set([internalIp, outer])) {
        const asked = dialled && method !== 'agent' && each === knocked;
        const problem = each === null ? null : addressProblem(each, asked, policy.allowNetworks);
        if (problem !== null) say(problem);
      }
      const keys = host_keys.map(parseHostKey);
      if (keys.includes(null)) say('host_keys has an entry that is no OpenSSH public key');
      const hostKeys = keys.filter((key) => key !== null);
      return { id, name, serverId, internalIp: internalIp ?? '', managementIp, floatingIp, hostKeys };
    });
    return { group, machines };
  });
  if (groups.every(({ machines }) => machines.length === 0)) problems.push('it has no machines');
  if (problems.length > 0 || !identity) throw new ApiError(400, 'INVALID_DATA', tell(problems));
  return { identity, groups };
}

function openKey(
  { management_private_key: privateKey, management_public_key: told }: AdoptionRequest,
  problems: string[],
): PlannedAdoption['identity'] | undefined {
  try {
    const publicKey = publicKeyOf({ privateKey });
    const [type, blob] = told?.trim().split(/\s+/) ?? publicKey.split(' ');
    if (`${type} ${blob}` !== publicKey)
      problems.push('management_public_key: it is not that of management_private_key');
    return { privateKey, publicKey };
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    problems.push(`management_private_key: ${error.message}${error.hint ? `; ${error.hint}` : ''}`);
    return undefined;
  }
}

function tell(problems: readonly string[]): string {
  const more = problems.length > most ? [`… and ${problems.length - most} more`] : [];
  return [...problems.slice(0, most), ...more].join('\n');
}
