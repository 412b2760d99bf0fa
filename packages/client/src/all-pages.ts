import type { ListQuery } from '@wadi/api';
import type { CallOptions } from './transport.ts';
import { WadiError } from './wadi-error.ts';

export interface Page<T> {
  readonly items: readonly T[];
  /** Marker of the page after this one; null: this is the last. */
  readonly next: string | null;
}

/** Asked for at once when nobody says how many. */
const pageSize = 100;

/**
 * One object after the other, a page at a time. Where the last of a page is deleted before the next page is asked for,
 * it goes on after the one before; 404 when a whole page is gone.
 */
export async function* allPages<T extends { readonly id: string }>(
  query: ListQuery,
  options: CallOptions,
  fetchPage: (query: ListQuery, options: CallOptions) => Promise<Page<T>>,
): AsyncGenerator<T, void, void> {
  let markers = query.marker === undefined ? [] : [query.marker];
  for (;;) {
    const marker = markers.at(-1);
    let page: Page<T>;
    try {
      page = await fetchPage({ limit: pageSize, ...query, ...(marker !== undefined && { marker }) }, options);
    } catch (error) {
      const lost = error instanceof WadiError && error.status === 404 && markers.length > 1;
      if (!lost) throw error;
      markers = markers.slice(0, -1);
      continue;
    }
    yield* page.items;
    if (page.next === null) return;
    markers = page.items.map(({ id }) => id);
  }
}
