import type { IncomingHttpHeaders } from 'node:http';

/** Meant for one connection only (RFC 9110 section 7.6.1), besides those that `Connection` names. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Ours, or about the way to us. */
const ours = [
  ...['x-auth-token', 'cookie', 'host', 'origin', 'referer', 'expect'],
  // Of a proxy before us. A page that trusts them would believe whatever our caller wrote.
  ...['forwarded', 'via', 'x-real-ip', 'x-forwarded'],
];

/** What a page may not settle for our whole origin, for other pages or for later; and what would be taken for ours. */
const notItsOwn = [
  ...['set-cookie', 'set-cookie2', 'clear-site-data', 'service-worker-allowed'],
  ...['strict-transport-security', 'alt-svc', 'nel', 'report-to', 'reporting-endpoints'],
  'x-openstack-request-id',
];

type Headers = Record<string, string | string[]>;

/** What of a request is for the machine. Our token never is, in neither of its two headers. */
export function headersForMachine(headers: IncomingHttpHeaders): Headers {
  const kept = without(headers, [...hopByHop, ...ours, ...named(headers.connection)]);
  for (const name of Object.keys(kept)) if (name.startsWith('x-forwarded-')) delete kept[name];
  // Basic and the like are the machine's own; a bearer token may be ours.
  if (/^bearer\b/i.test(headers.authorization ?? '')) delete kept.authorization;
  return kept;
}

/**
 * What of an answer is for the caller. A page of a machine shares our origin: it may set no cookie here, and a browser
 * runs it without any rights of ours.
 */
export function headersForCaller(headers: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const connection = headers.connection;
  const text = Array.isArray(connection) ? connection.join(',') : connection;
  const kept = without(headers, [...hopByHop, ...named(text), ...notItsOwn]);
  return { ...kept, 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' };
}

function named(connection: string | undefined): string[] {
  return (connection ?? '').split(',').map((name) => name.trim().toLowerCase());
}

function without(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  dropped: readonly string[],
): Headers {
  const drop = new Set(dropped);
  const kept: Headers = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !drop.has(name.toLowerCase())) kept[name.toLowerCase()] = value;
  }
  return kept;
}
