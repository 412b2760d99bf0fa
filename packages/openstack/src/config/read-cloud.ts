import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CloudConfig, Interface } from './cloud-config.ts';
import type { Fields } from './fields.ts';
import { expandHome } from './find-config-file.ts';
import { checkKeys } from './known-keys.ts';
import { readCredential } from './read-credential.ts';

export interface ReadOptions {
  readonly name: string;
  /** In place of what is written there. */
  readonly region?: string | undefined;
  readonly workingFolder: string;
  readonly homeFolder: string;
}

const interfaces: Readonly<Record<string, Interface>> = {
  public: 'public',
  publicURL: 'public',
  internal: 'internal',
  internalURL: 'internal',
  admin: 'admin',
  adminURL: 'admin',
};
const override = /^(.+)_endpoint_override$/;

/** Checks what is written of one cloud, wherever that is. */
export function readCloud(fields: Fields, options: ReadOptions): CloudConfig {
  checkKeys(fields);
  refuseUnsupported(fields);
  return {
    name: options.name,
    authUrl: readAuthUrl(fields),
    credential: readCredential(fields),
    region: options.region ?? readRegion(fields),
    interface: readInterface(fields),
    ca: readCa(fields, options),
    endpoints: readEndpoints(fields),
  };
}

function refuseUnsupported(fields: Fields): void {
  const { text, value } = { text: fields.text.bind(fields), value: fields.value.bind(fields) };
  if (text('profile') !== null || text('cloud') !== null)
    throw fields.invalid('profile', 'is not supported', 'write auth_url and the rest into the cloud itself');
  if (!['null', 'true', 'True', '1'].includes(String(value('verify'))))
    throw fields.invalid(
      'verify',
      'must be true',
      'certificates are always verified: name the authority in cacert',
    );
  for (const name of ['cert', 'key'])
    if (value(name) !== null)
      throw fields.invalid(name, 'is not supported', 'log in by password or application credential');
  const version = value('identity_api_version');
  if (version !== null && !/^3(\.\d+)?$/.test(String(version)))
    throw fields.invalid('identity_api_version', 'must be 3', 'only Keystone v3 is supported');
}

function readAuthUrl(fields: Fields): string {
  const name = 'auth.auth_url';
  const url = readUrl(
    fields,
    name,
    fields.needed(name, 'write the address of Keystone, as in https://cloud.example:5000/v3'),
  );
  const path = url.pathname.replace(/\/+$/, '');
  if (/\/v2\.0$/.test(path))
    throw fields.invalid(name, 'is of Keystone v2', 'only v3 is supported: end it with /v3');
  return `${url.origin}${/\/v3$/.test(path) ? path : `${path}/v3`}`;
}

function readUrl(fields: Fields, name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol))
    throw fields.invalid(name, 'is not an http or https URL', 'write it as in https://cloud.example:5000/v3');
  if (url.username || url.password)
    throw fields.invalid(name, 'holds a user or password', 'URLs are logged: put them in their own keys');
  if (url.search || url.hash)
    throw fields.invalid(name, 'has a query or fragment', 'end it before the ? or #');
  return url;
}

function readRegion(fields: Fields): string | null {
  const region = fields.text('region_name');
  const regions = fields.value('regions');
  if (region !== null || regions === null) return region;
  const names = Array.isArray(regions) ? regions.map((each) => each?.name ?? each) : [];
  if (names.length === 0 || names.some((each) => typeof each !== 'string'))
    throw fields.invalid('regions', 'is not a list of names', 'write region_name');
  if (names.length > 1)
    throw fields.invalid('regions', 'has several', `choose one with region_name: ${names.join(', ')}`);
  return names[0];
}

function readInterface(fields: Fields): Interface {
  const name = fields.value('interface') === null ? 'endpoint_type' : 'interface';
  const given = fields.text(name);
  if (given === null) return 'public';
  const known = Object.hasOwn(interfaces, given) ? interfaces[given] : undefined;
  if (!known) throw fields.invalid(name, 'is none of those that are known', 'use public, internal or admin');
  return known;
}

function readCa(fields: Fields, options: ReadOptions): string | null {
  const given = fields.text('cacert');
  if (given === null) return null;
  const file = path.resolve(options.workingFolder, expandHome(given, options.homeFolder));
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw fields.invalid('cacert', `names ${file}, which cannot be read (${code})`, 'correct it');
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw fields.invalid('cacert', `names ${file}, which holds no certificate`, 'it must be a PEM file');
  return text;
}

function readEndpoints(fields: Fields): Record<string, string> {
  const endpoints: Record<string, string> = {};
  for (const key of fields.keys) {
    const service = override.exec(key)?.[1];
    const text = service ? fields.text(key) : null;
    if (!service || text === null) continue;
    endpoints[service.replaceAll('_', '-')] = readUrl(fields, key, text).href.replace(/\/+$/, '');
  }
  return endpoints;
}
