/** From the sandbox to its file worker. Every `data` is answered by one `taken`, in both directions. */
export type ToFileWorker =
  | { readonly kind: 'open'; readonly session: number; readonly home: string }
  | { readonly kind: 'data'; readonly session: number; readonly data: Uint8Array }
  | { readonly kind: 'taken'; readonly session: number }
  | { readonly kind: 'close'; readonly session: number }
  | { readonly kind: 'empty'; readonly request: number; readonly folder: string };

export type FromFileWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'data'; readonly session: number; readonly data: Uint8Array }
  | { readonly kind: 'taken'; readonly session: number }
  | { readonly kind: 'close'; readonly session: number }
  | { readonly kind: 'emptied'; readonly request: number; readonly error: string | null };
