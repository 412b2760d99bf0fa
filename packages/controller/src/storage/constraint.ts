/** The kind of constraint that the database says was broken; undefined: it is another error. */
export function brokenConstraint(error: unknown): 'unique' | 'reference' | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === '23505') return 'unique';
  if (code === '23503') return 'reference';
  return undefined;
}
