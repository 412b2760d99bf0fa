import type { Right, Role } from '@wadi/api';

/** What each role may do. `root` is a member's only where the project grants it. */
export const rightsOfRole: Readonly<Record<Role, readonly Right[]>> = {
  reader: ['view'],
  member: ['view', 'run', 'shell', 'tunnel'],
  admin: ['view', 'run', 'root', 'shell', 'tunnel', 'admin'],
};

export interface Grant {
  readonly role: Role;
  /** The project lets its members be root. */
  readonly memberRoot: boolean;
  /** Absent: not restricted. */
  readonly restrictedTo?: readonly Right[] | null;
}

export function rightsOf({ role, memberRoot, restrictedTo }: Grant): ReadonlySet<Right> {
  const all: Right[] = [...rightsOfRole[role]];
  if (role === 'member' && memberRoot) all.push('root');
  return new Set(restrictedTo ? all.filter((right) => restrictedTo.includes(right)) : all);
}
