import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, errorBody } from './errors.ts';

/**
 * Refuses what a web page could send: requests under a name that is not ours (DNS rebinding) or from a page of another
 * origin. Asked before routing and before the token, so that nothing else ever sees them. There is no CORS.
 */
export type HostGuard = (request: IncomingMessage) => ApiError | null;

/** `names` are hosts without port that the operator added; `port` is asked late because it may be picked at listen. */
export function hostGuard(names: readonly string[], port: () => number): HostGuard {
  const hosts = () => {
    const own = ['127.0.0.1', 'localhost', '[::1]', ...names.map((name) => name.toLowerCase())];
    const withPort = own.map((name) => `${name}:${port()}`);
    return new Set(port() === 80 ? [...withPort, ...own] : withPort);
  };
  return (request) => {
    const allowed = hosts();
    const given = request.rawHeaders.filter(
      (_, i) => i % 2 === 0 && request.rawHeaders[i]?.toLowerCase() === 'host',
    );
    const host = request.headers.host?.toLowerCase();
    // A second Host header, or a target that names a host, could make two readers see two names.
    if (given.length !== 1 || !request.url?.startsWith('/') || !host || !allowed.has(host))
      return new ApiError(403, 'FORBIDDEN', 'This host name is not served here', {
        hint: `use ${[...allowed][0]}, or add the name to "hosts" in the configuration`,
        idInMessage: false,
      });
    const origin = request.headers.origin?.toLowerCase();
    if (
      origin !== undefined &&
      !(origin.startsWith('http://') && allowed.has(origin.slice('http://'.length)))
    )
      return new ApiError(403, 'FORBIDDEN', 'Requests from other web pages are refused', {
        hint: 'open the page from the address of this controller',
        idInMessage: false,
      });
    return null;
  };
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
