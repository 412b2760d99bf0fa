import { type AccessSettings, ApiError, type FieldPath } from '@wadi/api';
import { AccessError, parseCommandTemplate } from '@wadi/indirect-access';
import type { FastifyRequest } from 'fastify';
import {
  type AccessCluster,
  type AccessPolicy,
  accessSettings,
  isHere,
  methodOf,
} from '../../access/access-settings.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import { requireRight } from '../route-rights.ts';
import { onlyForAll, requireWholeInstallation } from './whole-installation.ts';

/** They name networks of the controller, or a program that runs on it. */
const adminsOnly = ['proxy_command', 'namespace', 'router_id', 'network_id', 'tenant_id'] as const;

/** Which settings each method has a use for; the others make none of these a contradiction. */
const uses: Readonly<Record<string, readonly string[]>> = {
  netns: ['namespace', 'router_id'],
  proxy_command: ['proxy_command', 'router_id', 'network_id', 'tenant_id'],
};

/** Of what it lacks, when it lacks something. */
const problemFields: Readonly<Record<string, keyof AccessSettings>> = {
  netns: 'router_id',
  proxy_command: 'proxy_command',
};

/** Those of the whole installation alone set, change and remove them; what stays as it is may be sent along by everybody. */
export function requireAdminFor(
  request: FastifyRequest,
  wanted: AccessSettings,
  present: AccessSettings,
): void {
  const changed = adminsOnly.filter((field) => wanted[field] !== present[field]);
  if (changed.length === 0) return;
  const what = `set or remove ${changed.join(', ')}: it is about the controller's own computer`;
  requireRight(request, 'admin', onlyForAll(what));
  requireWholeInstallation(request.principal, what);
}

/**
 * Refuses what contradicts itself or cannot reach anything, with the field.
 * @param cluster with the settings as they are to be
 * @param machines those that are known
 * @param at the field of the body that has the settings
 */
export function checkAccess(
  cluster: AccessCluster & { readonly access: AccessSettings },
  policy: AccessPolicy,
  machines: readonly Pick<InstanceFacts, 'isProxy' | 'floatingIp'>[],
  at?: string,
): void {
  const { access } = cluster;
  const refuse = (field: keyof AccessSettings, text: string) => {
    const path: FieldPath = at === undefined ? [field] : [at, field];
    throw new ApiError(400, 'INVALID_DATA', `${path.join('.')}: ${text}`, { fields: [path] });
  };
  if (isHere(cluster.cloud) && access.method !== undefined && access.method !== 'fixed_ip')
    refuse(
      'method',
      `the machines of the cloud '${cluster.cloud}' are on this computer: only fixed_ip leads to them`,
    );
  if (isHere(cluster.cloud) && access.relay !== undefined && access.relay !== 'direct-tcpip')
    refuse(
      'relay',
      `a program on a machine of the cloud '${cluster.cloud}' would dial from this computer: only direct-tcpip stays inside`,
    );
  const method = methodOf(cluster, policy);
  for (const field of adminsOnly)
    if (access[field] !== undefined && !uses[method]?.includes(field))
      refuse(field, `the method ${method} has no use for it`);
  if (access.namespace !== undefined && access.router_id !== undefined)
    if (access.namespace !== `qrouter-${access.router_id}`)
      refuse('namespace', `it is not that of router_id, qrouter-${access.router_id}: give one of the two`);
  const broken = access.proxy_command === undefined ? null : commandProblem(access.proxy_command);
  if (broken !== null) refuse('proxy_command', broken);
  const { entrance } = accessSettings(cluster, policy);
  if (entrance && 'problem' in entrance) refuse(problemFields[method] ?? 'method', entrance.problem);
  if (method === 'floating_ip' && machines.length > 0) {
    const dialled = machines.some(({ isProxy }) => isProxy)
      ? machines.filter(({ isProxy }) => isProxy)
      : machines;
    if (!dialled.some(({ floatingIp }) => floatingIp))
      refuse('method', 'no machine that is dialled has a floating address');
  }
}

function commandProblem(text: string): string | null {
  try {
    parseCommandTemplate(text);
    return null;
  } catch (error) {
    if (error instanceof AccessError) return error.message.replace(/^proxy_command: /, '');
    throw error;
  }
}
