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
  const wantsJson = path === '/status.json' || request.headers.accept?.startsWith('application/json');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    reply(response, 405, 'text/plain', 'This page can only be read.\n');
  } else if (path !== '/' && path !== '/status.json') {
    reply(response, 404, 'text/plain', 'No such page.\n');
  } else {
    const status = describe(facts, request);
    if (wantsJson) reply(response, 200, 'application/json', `${JSON.stringify(status)}\n`);
    else reply(response, 200, 'text/html', page(status));
  }
}

type Status = Readonly<Record<string, string | number | boolean | null>>;

function describe(facts: StatusFacts, request: IncomingMessage): Status {
  return {
    name: facts.name,
    address: facts.address,
    is_proxy: facts.isProxy,
    uptime_seconds: Math.floor((Date.now() - facts.startedAt) / 1000),
    came_through: request.socket instanceof MemorySocket ? request.socket.origin.name : null,
  };
}

function page(status: Status): string {
  const rows = Object.entries(status).map(([key, value]) => {
    return `<dt>${key.replaceAll('_', ' ')}</dt><dd>${toHtml(String(value ?? 'unknown'))}</dd>`;
  });
  const title = toHtml(String(status.name));
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<h1>${title}</h1><p>A machine of Wadi's sandbox. Its cluster's proxy is the only way in.</p>
<dl>${rows.join('')}</dl></html>
`;
}

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function toHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
