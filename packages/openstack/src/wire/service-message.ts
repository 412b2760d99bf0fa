import { mask } from './mask.ts';

export interface ServiceMessage {
  /** The service's own name of the failure, e.g. `NetworkInUse`; `badRequest`. */
  readonly type: string | null;
  readonly text: string;
}

/** Characters. */
const longest = 500;

/**
 * What a service says of a failure. Each has its own way: `{"badRequest": {"message"}}` (Nova, Cinder), `{"NeutronError":
 * {"type", "message"}}`, `{"error": {"title", "message"}}` (Keystone, and all for 401), `{"errors": [{"title", "detail"}]}`
 * (Placement), HTML (Glance), or whatever stands before it. Without the secrets that are named.
 */
export function readServiceMessage(body: string, secrets: readonly string[]): ServiceMessage {
  const { type, text } = fromJson(body) ?? { type: null, text: fromHtml(mask(body, secrets)) };
  return { type: type && tidy(mask(type, secrets)), text: tidy(mask(text, secrets)) };
}

function fromJson(body: string): ServiceMessage | null {
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof content !== 'object' || content === null) return null;
  const errors = field(content, 'errors');
  if (Array.isArray(errors)) {
    const [first] = errors;
    return { type: textOf(first, 'code'), text: textOf(first, 'detail') ?? textOf(first, 'title') ?? '' };
  }
  for (const [key, value] of Object.entries(content)) {
    if (typeof value === 'string' && /error|message|fault/i.test(key)) return { type: null, text: value };
    const text = textOf(value, 'message');
    if (text === null) continue;
    const type = textOf(value, 'type') ?? (key === 'error' ? textOf(value, 'title') : key);
    return { type, text };
  }
  return { type: null, text: '' };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function textOf(value: unknown, name: string): string | null {
  const text = field(value, name);
  return typeof text === 'string' ? text : null;
}

const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  '#39': "'",
  nbsp: ' ',
};

function fromHtml(body: string): string {
  return body
    .slice(0, 4000)
    .replace(/<(head|style|script|h1)\b[^>]*>[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(\w+|#39);/g, (all, name: string) => entities[name] ?? all);
}

function tidy(text: string): string {
  // Webob's line ends are in its JSON too.
  const line = text
    .replace(/<br ?\/?>/g, ' ')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}
