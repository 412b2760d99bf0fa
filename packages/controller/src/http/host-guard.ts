import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { ApiError, errorBody } from './errors.ts';

/**
 * Refuses what a web page could send: requests under a name that is not ours (DNS rebinding) or from a page of another
 * origin. Asked before routing and before the token, so that nothing else ever sees them. There is no CORS.
 */
export type HostGuard = (request: IncomingMessage) => ApiError | null;

export interface Served {
  /** Hosts that the operator added: without a port under that of the controller, with one as they are. */
  readonly names: readonly string[];
  /** Asked late, because it may be picked at listen. */
  readonly port: () => number;
  /** The controller speaks TLS itself. */
  readonly tls: boolean;
  /** A proxy that speaks TLS in front of the controller. Everybody else but this computer is refused if there is one. */
  readonly proxies: BlockList | null;
}

export function hostGuard({ names, port, tls, proxies }: Served): HostGuard {
  const hosts = (standardPort: number) => {
    const own = ['127.0.0.1', 'localhost', '[::1]', ...names.map(plainHost)];
    const withPort = own.map((name) => (/:\d+$/.test(name) ? name : `${name}:${port()}`));
    return new Set(port() === standardPort ? [...withPort, ...own] : withPort);
  };
  return (request) => {
    const from = request.socket.remoteAddress ?? '';
    const proxied = proxies !== null && isIn(proxies, from);
    if (proxies && !tls && !proxied && !isIn(thisComputer, from))
      return refusal('This address is served to its TLS proxy only', 'connect to the proxy, over https');
    const allowed = hosts(tls ? 443 : 80);
    // The proxy has a port of its own, and passes the name on as its callers wrote it.
    if (proxied) for (const name of names) allowed.add(plainHost(name));
    const given = request.rawHeaders.filter(
      (_, i) => i % 2 === 0 && request.rawHeaders[i]?.toLowerCase() === 'host',
    );
    const host = plainHost(request.headers.host ?? '');
    // A second Host header, or a target that names a host, could make two readers see two names.
    if (given.length !== 1 || !request.url?.startsWith('/') || !host || !allowed.has(host))
      return refusal(
        'This host name is not served here',
        `use ${[...allowed][0]}, or add the name to "hosts" in the configuration`,
      );
    const origin = request.headers.origin?.toLowerCase();
    const scheme = tls || proxied ? 'https://' : 'http://';
    if (
      origin !== undefined &&
      !(origin.startsWith(scheme) && allowed.has(plainHost(origin.slice(scheme.length))))
    )
      return refusal(
        'Requests from other web pages are refused',
        'open the page from the address of this controller',
      );
    return null;
  };
}

/** Host and port in one form: an IPv6 address can be written in many ways, and browsers use that of RFC 5952. */
function plainHost(text: string): string {
  const lower = text.toLowerCase();
  const [, address = '', rest = ''] = /^\[([0-9a-f:.]+)\](.*)$/.exec(lower) ?? [];
  return isIP(address) === 6 ? `${new URL(`http://[${address}]`).hostname}${rest}` : lower;
}

const thisComputer = new BlockList();
thisComputer.addSubnet('127.0.0.0', 8, 'ipv4');
thisComputer.addAddress('::1', 'ipv6');

/** Addresses as `CIDR`s, as the configuration has checked them. */
export function networkList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

export function isIn(list: BlockList, address: string): boolean {
  // What an IPv4 caller looks like to a socket that listens for both.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}

function refusal(message: string, hint: string): ApiError {
  return new ApiError(403, 'FORBIDDEN', message, { hint, idInMessage: false });
}

export function refuse(error: ApiError, response: ServerResponse): void {
  const body = JSON.stringify(errorBody(error, randomUUID()));
  response.writeHead(error.status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'X-Openstack-Request-Id': `req-${randomUUID()}`,
    Connection: 'close',
  });
  response.end(body);
}
