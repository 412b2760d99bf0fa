import { keystone } from '../reply.ts';
import type { Json } from '../routes.ts';
import type { Identity } from './identity.ts';

/** Names of roles that a body gives by id or name. */
export function readRoles(identity: Identity, given: Json): string[] {
  return (Array.isArray(given) ? given : []).map((role: Json) => {
    const found = [...identity.roles.values()].find(({ id, name }) => id === role.id || name === role.name);
    if (!found)
      throw keystone(
        404,
        role.id === undefined ? `Role ${role.name} is not defined` : `Could not find role: ${role.id}.`,
      );
    return found.name;
  });
}

/** Milliseconds since 1970; null: it has no end. */
export function readEnd(given: Json): number | null {
  if (given === undefined || given === null) return null;
  const end = Date.parse(given);
  if (Number.isNaN(end)) throw keystone(400, `Invalid input for field 'expires_at': ${given}`);
  if (end <= Date.now())
    throw keystone(
      400,
      "The 'expires_at' must not be before now. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.",
    );
  return end;
}
