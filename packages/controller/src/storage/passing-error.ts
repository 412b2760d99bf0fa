/** Classes of SQLSTATE that say nothing about what was asked: connection, roll-back, resources, operator, system. */
const passing = /^(08|25|40|53|55|57|58)/;

/** Whether the same may succeed later: the database was away, busy or full, or somebody else was first. */
export function isPassing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  // The driver's own errors (a lost socket, a full pool) have none, or one of the system's.
  return typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || passing.test(code);
}
