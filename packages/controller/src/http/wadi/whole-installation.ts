import type { Principal } from '../../auth/principal.ts';

/** Its admins are those of the whole installation: they make projects, and tokens for any of them. */
const firstProject = 'default';

/** The project that an admin is limited to; null: not limited. */
export function limitedTo({ projectId, isOperators = projectId === firstProject }: Principal): string | null {
  return isOperators ? null : projectId;
}
