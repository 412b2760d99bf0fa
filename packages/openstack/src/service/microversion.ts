import { OpenStackError } from '../errors.ts';
import type { ServiceType } from '../identity/catalog.ts';

/** As `2.52`. */
export type Microversion = `${number}.${number}`;

/** What a service offers. Null: it knows none. */
export interface VersionRange {
  readonly lowest: Microversion;
  readonly highest: Microversion;
}

/** How the header names the service. */
const headerNames: Partial<Record<ServiceType, string>> = {
  compute: 'compute',
  'block-storage': 'volume',
  placement: 'placement',
};

export function microversionHeader(service: ServiceType, version: Microversion): Record<string, string> {
  return { 'openstack-api-version': `${headerNames[service] ?? service} ${version}` };
}

/** Below zero: the first is older. Versions are pairs of integers, so 2.9 is older than 2.10. */
function compareMicroversions(a: Microversion, b: Microversion): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

/** Throws when the service does not speak it. `use` says what it is needed for. */
export function checkMicroversion(
  service: ServiceType,
  needed: Microversion,
  offered: VersionRange | null,
  use: string,
): void {
  const fits =
    offered !== null &&
    compareMicroversions(offered.lowest, needed) <= 0 &&
    compareMicroversions(needed, offered.highest) <= 0;
  if (fits) return;
  const range = offered === null ? 'has no microversions' : `speaks ${offered.lowest} to ${offered.highest}`;
  throw new OpenStackError(`${service}: ${use} needs microversion ${needed}, and this cloud ${range}`, {
    code: 'MICROVERSION_UNSUPPORTED',
    service,
    hint: 'the cloud is older (or newer) than what is asked of it: do without, or ask its administrator',
  });
}
