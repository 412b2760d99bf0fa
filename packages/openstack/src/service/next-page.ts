import { OpenStackError } from '../errors.ts';

/**
 * The URL of the next page, or null. `{things}_links` with rel `next` (Nova, Neutron, Cinder), `next` (Glance), `links.next`
 * (Keystone). Only the link's query is taken, on the path that was asked for: some services leave out what a gateway put before
 * their paths. One to another origin is refused, because the token would go there.
 */
export function nextPage(service: string, asked: URL, collection: string, body: object): URL | null {
  const link = findLink(body as Record<string, unknown>, collection);
  if (link === null) return null;
  const url = URL.canParse(link, asked.href) ? new URL(link, asked) : null;
  if (!url || url.origin !== asked.origin)
    throw new OpenStackError(
      `${service}: the next page of GET ${asked.pathname} is said to be at ${url?.origin ?? 'something that is no URL'}, not at ${asked.origin}`,
      {
        code: 'REDIRECTED',
        service,
        method: 'GET',
        path: asked.pathname,
        hint: 'the service does not know its own public address (enable_proxy_headers_parsing): have it corrected',
      },
    );
  const next = new URL(asked);
  next.search = url.search;
  return next;
}

function findLink(body: Record<string, unknown>, collection: string): string | null {
  const links = body[`${collection}_links`];
  if (Array.isArray(links)) {
    const next = links.find((link) => link?.rel === 'next')?.href;
    return typeof next === 'string' ? next : null;
  }
  if (typeof body.next === 'string') return body.next;
  const next = (body.links as { next?: unknown } | undefined)?.next;
  return typeof next === 'string' ? next : null;
}
