import { beginAccess, type RecordedAccess } from './audit-access.ts';

interface Fetch extends RecordedAccess {
  readonly port: number;
  /** As the machine is asked for it. */
  readonly path: string;
}

/** Records that somebody asks a machine's web page, before the machine is asked; what it returns records the end. */
export function beginFetch({ port, path, ...access }: Fetch) {
  const { method } = access.request;
  return beginAccess('http', access, { port, method, path: shownPath(path) });
}

/** Without what follows the question mark, which may be anything. */
function shownPath(whole: string): string {
  const path = whole.split('?', 1)[0] ?? '';
  return path.length > 2000 ? `${path.slice(0, 2000)}… (${path.length} characters)` : path;
}
