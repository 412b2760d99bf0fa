import { type Static, Type } from 'typebox';
import type { Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';

/** `limit` -1: none. */
const Usage = Type.Object({ limit: Type.Integer(), used: Type.Integer(), reserved: Type.Integer() });

export const NetworkQuotas = Type.Object({
  network: Usage,
  subnet: Usage,
  port: Usage,
  router: Usage,
  floatingip: Usage,
  security_group: Usage,
  security_group_rule: Usage,
});
export type NetworkQuotas = Static<typeof NetworkQuotas>;

const QuotasAnswer = Type.Object({ quota: NetworkQuotas });

/** The quota of a project in Neutron, and how much of it is used. */
export async function readNetworkQuotas(
  network: Service,
  projectId: string,
  options: CallOptions = {},
): Promise<NetworkQuotas> {
  const request = { ...options, method: 'GET', path: ['quotas', projectId, 'details'] } as const;
  return (await network.ask(QuotasAnswer, request)).quota;
}
