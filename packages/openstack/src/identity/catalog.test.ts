import { expect, test } from 'vitest';
import { baseUrl, versionUrl } from '../service/base-url.ts';
import { findEndpoint, type ServiceType } from './catalog.ts';

const endpoint = (interface_: string, region: string, url: string) => ({
  interface: interface_,
  region_id: region,
  url,
});
const catalog = [
  {
    type: 'compute',
    endpoints: [endpoint('public', 'one', 'https://one/v2.1'), endpoint('public', 'two', 'https://two/v2.1')],
  },
  {
    type: 'imagev2',
    endpoints: [
      endpoint('public', 'one', 'https://one:9292'),
      endpoint('internal', 'one', 'https://in:9292'),
    ],
  },
  { type: 'volumev3', endpoints: [endpoint('publicURL', 'one', 'https://one:8776/v3/p')] },
  { type: 'network', endpoints: [endpoint('public', 'one', 'http://one:9696')] },
];
const choice = { region: 'one', interface: 'public', endpoints: {}, authUrl: 'https://one:5000/v3' } as const;

test.each<[ServiceType, object, string]>([
  ['compute', {}, 'https://one/v2.1'],
  ['compute', { region: 'two' }, 'https://two/v2.1'],
  ['image', {}, 'https://one:9292/'],
  ['image', { region: null, interface: 'internal' }, 'https://in:9292/'],
  ['block-storage', {}, 'https://one:8776/v3/p'],
  ['compute', { endpoints: { compute: 'http://mine/v2.1' } }, 'http://mine/v2.1'],
  ['block-storage', { endpoints: { volumev3: 'http://mine/v3' } }, 'http://mine/v3'],
  ['network', { authUrl: 'http://one:5000/v3' }, 'http://one:9696/'],
])('%s with %o is at %s', (service, changes, url) => {
  expect(findEndpoint(catalog, service, { ...choice, ...changes }).href).toBe(url);
});

test.each<[ServiceType, object, RegExp]>([
  ['compute', { region: null }, /several regions.*one, two/],
  ['compute', { region: 'three' }, /not in the region "three".*one, two/],
  ['compute', { interface: 'admin' }, /no admin interface.*public/],
  ['placement', {}, /not in the catalog.*compute, imagev2, volumev3, network/],
  ['network', {}, /without TLS/],
])('%s with %o is refused, and the error says what there is', (service, changes, text) => {
  try {
    findEndpoint(catalog, service, { ...choice, ...changes });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'NO_ENDPOINT', service });
    const { message, hint } = error as { message: string; hint: string };
    expect(`${message}: ${hint}`).toMatch(text);
  }
});

test.each<[ServiceType, string, string, string]>([
  ['compute', 'http://a:8774/v2.1', '/v2.1', '/v2.1/'],
  ['compute', 'http://a/compute/v2.1/p/', '/compute/v2.1/p', '/compute/v2.1/'],
  ['compute', 'http://a:8774/', '/v2.1', '/v2.1/'],
  ['network', 'http://a:9696', '/v2.0', '/v2.0/'],
  ['network', 'http://a/networking/v2.0/', '/networking/v2.0', '/networking/v2.0/'],
  ['image', 'http://a/image', '/image/v2', '/image/v2/'],
  ['block-storage', 'http://a/volume/v3', '/volume/v3/p', '/volume/v3/'],
  ['block-storage', 'http://a/volume/v3/q', '/volume/v3/q', '/volume/v3/'],
  ['block-storage', 'http://a', '/v3/p', '/v3/'],
])('%s at %s is asked at %s', (service, url, path, version) => {
  const base = baseUrl(service, new URL(url), 'p');
  expect([base.pathname, versionUrl(base).pathname]).toEqual([path, version]);
});

test('an API of another version is refused', () => {
  expect(() => baseUrl('compute', new URL('http://a/v2/p'), 'p')).toThrow('in the catalog as v2, not v2.1');
  expect(() => baseUrl('block-storage', new URL('http://a/v2/p'), 'p')).toThrow('not v3');
});
