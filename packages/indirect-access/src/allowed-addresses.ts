import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { AllowedNetworks, comparable } from './allowed-networks.ts';
import { withDeadline } from './deadline.ts';
import { AccessError } from './errors.ts';
import type { AllowedTargets, Machine } from './route.ts';

/** The addresses of a target that the first hop may dial; what was checked is what must be dialled. */
export async function allowedAddresses(
  hop: AllowedTargets,
  target: Pick<Machine, 'host' | 'name'>,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<string[]> {
  return allowed(hop, target, await resolve(target, milliseconds, signal));
}

async function resolve(
  target: Pick<Machine, 'host' | 'name'>,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<string[]> {
  if (isIP(target.host)) return [target.host];
  const failed = (cause?: unknown) =>
    new AccessError(`${target.name}: the name ${target.host} has no address`, {
      code: 'NAME_NOT_RESOLVED',
      hint: 'is the name right, and does the resolver of the controller know it?',
      hop: target.name,
      phase: 'resolve',
      retryable: true,
      cause,
    });
  const at = { hop: target.name, phase: 'resolve' } as const;
  const found = await withDeadline({ milliseconds, signal, late: failed, at }, () =>
    lookup(target.host, { all: true }).catch((error) => {
      throw failed(error);
    }),
  );
  return found.map(({ address }) => address);
}

function allowed(hop: AllowedTargets, target: Pick<Machine, 'name'>, addresses: string[]): string[] {
  if (!hop.allow) return addresses;
  const networks = new AllowedNetworks(hop.allow);
  const kept = addresses.filter((address) => networks.includes(address));
  if (kept.length > 0) return kept.map(comparable);
  throw new AccessError(
    `${target.name}: ${addresses.join(', ')} is outside the networks that may be dialled`,
    {
      code: 'ADDRESS_NOT_ALLOWED',
      hop: target.name,
      phase: 'resolve',
      hint: 'an administrator can allow the network',
    },
  );
}
