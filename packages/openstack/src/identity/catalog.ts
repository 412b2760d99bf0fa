import type { CloudConfig, Interface } from '../config/cloud-config.ts';
import { OpenStackError } from '../errors.ts';
import type { CatalogEntry } from './token.ts';

export type ServiceType = 'compute' | 'network' | 'image' | 'block-storage' | 'identity' | 'placement';

/** Under which a catalog may have it: the official name first, then the historical ones. */
const names: Readonly<Record<ServiceType, readonly string[]>> = {
  compute: ['compute'],
  network: ['network'],
  image: ['image', 'imagev2'],
  'block-storage': ['block-storage', 'volumev3', 'block-store', 'volume'],
  identity: ['identity', 'identityv3'],
  placement: ['placement'],
};

/** As a user may write it: `volumev3`, `block-store`, `imagev2`. Null: unknown. */
export function serviceTypeOf(name: string): ServiceType | null {
  const found = Object.entries(names).find(([, aliases]) => aliases.includes(name));
  return (found?.[0] as ServiceType | undefined) ?? null;
}

type Choice = Pick<CloudConfig, 'region' | 'interface' | 'endpoints' | 'authUrl'>;

/** In whatever region and for whatever interface. */
export function hasService(catalog: readonly CatalogEntry[], service: ServiceType, choice: Choice): boolean {
  const types = [...Object.keys(choice.endpoints), ...catalog.map(({ type }) => type)];
  return types.some((type) => names[service].includes(type));
}

/** Where the service is, for this region and interface; without a version, if the catalog has none. */
export function findEndpoint(catalog: readonly CatalogEntry[], service: ServiceType, choice: Choice): URL {
  const overridden = Object.entries(choice.endpoints).find(([name]) => serviceTypeOf(name) === service)?.[1];
  if (overridden !== undefined) return asUrl(service, overridden);
  for (const type of names[service]) {
    const endpoints = catalog.filter((entry) => entry.type === type).flatMap((entry) => entry.endpoints);
    if (endpoints.length === 0) continue;
    const regions = [...new Set(endpoints.map(regionOf))];
    if (choice.region === null && regions.length > 1)
      throw missing(service, 'is in several regions', `choose one: ${regions.join(', ')}`);
    const here = endpoints.filter((each) => choice.region === null || regionOf(each) === choice.region);
    if (here.length === 0)
      throw missing(service, `is not in the region "${choice.region}"`, `it is in ${regions.join(', ')}`);
    const found = here.find((each) => interfaceOf(each.interface) === choice.interface);
    if (!found) {
      const others = here.map((each) => each.interface).join(', ');
      throw missing(service, `has no ${choice.interface} interface`, `it has ${others}: set \`interface\``);
    }
    return checked(service, found.url, choice);
  }
  const types = [...new Set(catalog.map(({ type }) => type))].join(', ') || 'nothing';
  throw missing(service, 'is not in the catalog', `this cloud and project have ${types}`);
}

function checked(service: ServiceType, text: string, choice: Choice): URL {
  const url = asUrl(service, text);
  if (url.protocol === 'http:' && choice.authUrl.startsWith('https:'))
    throw missing(
      service,
      `is at ${url.origin} without TLS, though Keystone has it`,
      `a token must not go there in the open; give ${service.replaceAll('-', '_')}_endpoint_override if it may`,
    );
  return url;
}

function asUrl(service: ServiceType, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw missing(
      service,
      'has an address that is not an http or https URL',
      'its administrator has to correct it',
    );
  url.search = '';
  url.hash = '';
  return url;
}

function regionOf(endpoint: CatalogEntry['endpoints'][number]): string {
  return endpoint.region_id ?? endpoint.region ?? '';
}

function interfaceOf(text: string): Interface | string {
  return text.replace(/URL$/, '');
}

function missing(service: ServiceType, problem: string, hint: string): OpenStackError {
  return new OpenStackError(`the service ${service} ${problem}`, { code: 'NO_ENDPOINT', service, hint });
}
