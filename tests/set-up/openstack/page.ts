/** What one page of a listing has, and the address of the next one where there is more. */
export function pageOf<Item extends { readonly id: string }>(
  items: readonly Item[],
  query: URLSearchParams,
  at: { readonly url: string; readonly most: number },
): { readonly items: readonly Item[]; readonly next: string | null } {
  const marker = query.get('marker');
  const from = marker === null ? 0 : items.findIndex(({ id }) => id === marker) + 1;
  const limit = Math.min(Number(query.get('limit') ?? at.most), at.most);
  const page = items.slice(from, from + limit);
  const last = page.at(-1);
  if (!last || from + page.length >= items.length) return { items: page, next: null };
  const next = new URLSearchParams(query);
  next.set('marker', last.id);
  return { items: page, next: `${at.url}?${next}` };
}
