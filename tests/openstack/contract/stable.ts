import type { Exchange } from './exchange.ts';

const id = /\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{56}|[0-9a-f]{32})\b/g;
const mac = /\bfa:16:3e(?::[0-9a-f]{2}){3}\b/g;
/** Of this century's first half: scenarios choose later ones where they need one that lies ahead. */
const date = /\b20[0-4]\d-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?/g;
/** Last lines of a console's log. */
const consoleLines = 2;

/**
 * The same exchanges with what differs from one recording to the next, and every secret, in stable words: `chosen` by the words
 * given for them, tokens and ids by their number, dates by one day. What a request says before any answer does comes from the
 * scenario, and stays.
 */
export function makeStable(
  exchanges: readonly Exchange[],
  chosen: ReadonlyMap<string, string>,
): readonly Exchange[] {
  const names = new Map([...chosen, ...told(exchanges)]);
  const known = new Set<string>();
  const numbered = (found: string, form: (number: number) => string) => {
    if (!known.has(found) && !names.has(found)) names.set(found, form(names.size + 1));
  };
  for (const { request, answer } of exchanges) {
    for (const [found] of JSON.stringify(request).matchAll(id)) if (!names.has(found)) known.add(found);
    const text = JSON.stringify(answer.body);
    for (const [found] of text.matchAll(id)) numbered(found, (number) => idLike(found, number));
    for (const [found] of text.matchAll(mac)) numbered(found, macOf);
  }
  return exchanges.map((exchange, index) => {
    let text = JSON.stringify(shorten(exchange, index));
    for (const [found, name] of names) text = text.replaceAll(found, name);
    return JSON.parse(text.replace(date, '2026-01-01$100:00:00$2'), later) as Exchange;
  });
}

/** Tokens and other secrets that the services made. */
function told(exchanges: readonly Exchange[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { answer } of exchanges) {
    const token = answer.headers['x-subject-token'];
    if (token !== undefined) found.set(token, `token-${found.size + 1}`);
    JSON.stringify(answer.body, (key, value) => {
      if (['secret', 'adminPass'].includes(key) && typeof value === 'string')
        found.set(value, `made-secret-${found.size + 1}`);
      if (key === 'audit_ids' && Array.isArray(value))
        for (const one of value) if (!found.has(one)) found.set(one, `audit-${found.size + 1}`);
      return value;
    });
  }
  return found;
}

function idLike(found: string, number: number): string {
  const digits = String(number);
  if (!found.includes('-')) return digits.padStart(found.length, '0');
  return `00000000-0000-4000-8000-${digits.padStart(12, '0')}`;
}

function macOf(number: number): string {
  const digits = number.toString(16).padStart(6, '0');
  return `fa:16:3e:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4)}`;
}

function shorten({ request, answer }: Exchange, index: number): Exchange {
  const { 'x-openstack-request-id': requestId, ...others } = answer.headers;
  const headers =
    requestId === undefined ? others : { ...others, 'x-openstack-request-id': `req-${index + 1}` };
  const output = (answer.body as { output?: unknown } | null)?.output;
  const isLog = typeof output === 'string' && request.path.endsWith('/action');
  const body = isLog ? { output: shortLog(output) } : answer.body;
  return { request, answer: { ...answer, headers, body } };
}

/** Its numbers are times and addresses. */
function shortLog(log: string): string {
  return log.trimEnd().split('\n').slice(-consoleLines).join('\n').replace(/\d+/g, '#');
}

/** A token ends four hours after it was made: one that had ended already would be renewed for every request. */
function later(this: unknown, key: string, value: unknown): unknown {
  const ends = key === 'expires_at' && typeof value === 'string' && value.startsWith('2026-01-01');
  return ends ? value.replace('T00:', 'T04:') : value;
}
