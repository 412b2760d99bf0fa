import { OpenStackError } from '../errors.ts';
import type { ServiceType } from '../identity/catalog.ts';

interface ApiVersion {
  /** As the path has it. */
  readonly segment: string;
  readonly accepted: RegExp;
  /** Whether the project's id follows it. */
  readonly withProject?: boolean;
}

const versions: Readonly<Record<ServiceType, ApiVersion | null>> = {
  compute: { segment: 'v2.1', accepted: /^v2\.1$/ },
  network: { segment: 'v2.0', accepted: /^v2\.0$/ },
  image: { segment: 'v2', accepted: /^v2(\.\d+)?$/ },
  'block-storage': { segment: 'v3', accepted: /^v3$/, withProject: true },
  identity: { segment: 'v3', accepted: /^v3$/ },
  placement: null,
};

/** Where the paths of the API begin: catalogs have the service's root, its version, or its version and the project. */
export function baseUrl(service: ServiceType, endpoint: URL, projectId: string | null): URL {
  const version = versions[service];
  const segments = endpoint.pathname.split('/').filter((segment) => segment !== '');
  if (version) {
    const at = segments.findIndex((segment) => /^v\d+(\.\d+)?$/.test(segment));
    const found = segments[at];
    if (found === undefined) segments.push(version.segment);
    else if (!version.accepted.test(found))
      throw new OpenStackError(
        `the service ${service} is in the catalog as ${found}, not ${version.segment}`,
        {
          code: 'NO_ENDPOINT',
          service,
          hint: `have the catalog corrected, or give ${service.replaceAll('-', '_')}_endpoint_override`,
        },
      );
    const last = segments.at(-1) ?? '';
    if (version.withProject && version.accepted.test(last) && projectId !== null) segments.push(projectId);
  }
  const url = new URL(endpoint);
  url.pathname = segments.map((segment) => `/${segment}`).join('');
  return url;
}

/** The page that describes the version; what follows it is taken off. */
export function versionUrl(base: URL): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/(\/v\d+(?:\.\d+)?)(\/.*)?$/, '$1')}/`;
  return url;
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Names and ids become single segments of the path, whatever is in them. */
export function urlOf(base: URL, path: readonly string[], query: Query = {}): URL {
  const url = new URL(base);
  const bad = path.find((segment) => segment === '' || segment === '.' || segment === '..');
  if (bad !== undefined)
    throw new OpenStackError(`"${bad}" is no id and no name`, {
      code: 'INVALID_ARGUMENT',
      hint: 'give the id of a resource',
    });
  url.pathname =
    base.pathname.replace(/\/+$/, '') + path.map((segment) => `/${encodeURIComponent(segment)}`).join('');
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value])
      url.searchParams.append(name, String(one));
  return url;
}
