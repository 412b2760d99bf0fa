import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { hostGuard, networkList, type Served } from './host-guard.ts';

function ask(served: Partial<Served>, from: string, headers: Record<string, string>): number {
  const guard = hostGuard({
    names: ['wadi.example'],
    port: () => 8386,
    tls: false,
    proxies: null,
    ...served,
  });
  const request = {
    url: '/v2/clusters',
    headers,
    rawHeaders: Object.entries(headers).flat(),
    socket: { remoteAddress: from },
  };
  return guard(request as unknown as IncomingMessage)?.status ?? 200;
}

const proxies = networkList(['203.0.113.0/28', '2001:db8::/64']);

test.each([
  ['127.0.0.1', { host: 'localhost:8386' }, 200],
  ['127.0.0.1', { host: 'wadi.example:8386' }, 200],
  ['127.0.0.1', { host: 'wadi.example' }, 403],
  ['127.0.0.1', { host: 'evil.example:8386' }, 403],
  ['127.0.0.1', { host: 'localhost:8386', origin: 'http://localhost:8386' }, 200],
  ['127.0.0.1', { host: 'localhost:8386', origin: 'http://evil.example' }, 403],
  ['127.0.0.1', { host: 'localhost:8386', origin: 'null' }, 403],
])('a request from %s with %j is answered %i', (from, headers, status) => {
  expect(ask({}, from, headers as never)).toBe(status);
});

test.each([
  ['203.0.113.5', { host: 'wadi.example' }, 200],
  ['::ffff:203.0.113.5', { host: 'wadi.example' }, 200],
  ['2001:db8::7', { host: 'wadi.example', origin: 'https://wadi.example' }, 200],
  ['203.0.113.5', { host: 'wadi.example', origin: 'http://wadi.example' }, 403],
  ['203.0.113.5', { host: 'evil.example' }, 403],
  ['203.0.113.77', { host: 'wadi.example:8386' }, 403],
  ['2001:db8:1::7', { host: 'wadi.example:8386' }, 403],
  ['127.0.0.1', { host: 'localhost:8386' }, 200],
  ['127.0.0.1', { host: 'wadi.example' }, 403],
])('behind a TLS proxy, a request from %s with %j is answered %i', (from, headers, status) => {
  expect(ask({ proxies }, from, headers as never)).toBe(status);
});

test.each([
  ['[2001:DB8:0:0::1]', '[2001:db8::1]:8386', 200],
  ['[2001:db8::1]', '[2001:0DB8:0::1]:8386', 200],
  ['[::ffff:192.0.2.1]', '[::ffff:c000:201]:8386', 200],
  ['[2001:db8::1]', '[2001:db8::2]:8386', 403],
  ['[2001:db8::1]', '[2001:db8::1', 403],
  ['[2001:db8::1]', '[2001:db8::1]x:8386', 403],
  ['[2001:db8::1]', '[1.2.3.4]:8386', 403],
  // A balancer's port.
  ['wadi.example:8443', 'wadi.example:8443', 200],
  ['wadi.example:8443', 'wadi.example:8386', 403],
  ['wadi.example:8443', 'wadi.example', 403],
  ['[2001:DB8:0:0::1]:8443', '[2001:db8::1]:8443', 200],
  ['[2001:db8::1]:8443', '[2001:db8::1]:8386', 403],
])('under the name %s, a request for %s is answered %i', (name, host, status) => {
  expect(ask({ names: [name] }, '2001:db8::9', { host })).toBe(status);
  const origin = `http://${host}`;
  expect(ask({ names: [name] }, '2001:db8::9', { host, origin })).toBe(status);
});

test('with TLS of its own, pages of its https origin may ask, and 443 need not be said', () => {
  const tls = { tls: true, port: () => 443 };
  const headers = { host: 'wadi.example', origin: 'https://wadi.example' };
  expect(ask(tls, '198.51.100.1', headers)).toBe(200);
  expect(ask(tls, '198.51.100.1', { ...headers, origin: 'http://wadi.example' })).toBe(403);
});
