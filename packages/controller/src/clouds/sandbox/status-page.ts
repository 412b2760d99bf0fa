import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { MemorySocket } from './memory-socket.ts';

/** What a machine tells about itself. */
export interface StatusFacts {
  readonly name: string;
  readonly address: string;
  readonly isProxy: boolean;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** A machine's web page: `/` for people, `/status.json` for programs. It never listens; it is given its sockets. */
export function createStatusPage(facts: StatusFacts): Server {
  return createServer((request, response) => answer(facts, request, response));
}

function answer(facts: StatusFacts, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').split('?')[0];
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return reply(response, 405, 'text/plain', 'This page can only be read.\n', { allow: 'GET, HEAD' });
  }
  const status = {
    name: facts.name,
    address: facts.address,
    is_proxy: facts.isProxy,
    uptime_seconds: Math.floor((Date.now() - facts.startedAt) / 1000),
    came_through: request.socket instanceof MemorySocket ? request.socket.origin.name : null,
  };
  const wantsJson = path === '/status.json' || request.headers.accept?.startsWith('application/json');
  if (path !== '/' && path !== '/status.json') return reply(response, 404, 'text/plain', 'No such page.\n');
  if (wantsJson) return reply(response, 200, 'application/json', `${JSON.stringify(status)}\n`);
  const rows = Object.entries(status).map(([key, value]) => {
    return `<dt>${key.replaceAll('_', ' ')}</dt><dd>${escape(String(value ?? 'unknown'))}</dd>`;
  });
  const title = escape(facts.name);
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<h1>${title}</h1><p>A machine of Wadi's sandbox. It has no way in but through its cluster's proxy.</p>
<dl>${rows.join('')}</dl></html>
`;
  reply(response, 200, 'text/html', page);
}

function reply(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
