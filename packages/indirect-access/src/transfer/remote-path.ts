import { AccessError } from '../errors.ts';

/** The path as the scripts want it: no program can take it for an option. */
export function remotePath(path: string): string {
  if (path === '' || path.includes('\0') || path.endsWith('/'))
    throw new AccessError(`${JSON.stringify(path)} is not the path of a file`, { code: 'INVALID_ARGUMENT' });
  return path.startsWith('/') ? path : `./${path}`;
}
