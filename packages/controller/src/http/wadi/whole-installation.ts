import { ApiError } from '@wadi/api';
import type { Principal } from '../../auth/principal.ts';

/** Its admins are those of the whole installation: they make projects, and tokens for any of them. */
const firstProject = 'default';

/** The project that an admin is limited to; null: not limited. */
export function limitedTo({ projectId, isOperators = projectId === firstProject }: Principal): string | null {
  return isOperators ? null : projectId;
}

/** Refuses admins of one project. `what` they may not do, e.g. `make projects`. */
export function requireWholeInstallation(principal: Principal, what: string): void {
  if (limitedTo(principal) === null) return;
  throw new ApiError(403, 'FORBIDDEN', onlyForAll(what), {
    hint: 'that is one of the project default, or with Keystone of the one that keystone_operators_project names',
  });
}

export function onlyForAll(what: string): string {
  return `Only an admin of the whole installation may ${what}`;
}
