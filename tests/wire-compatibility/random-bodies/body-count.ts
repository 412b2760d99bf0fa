/** Bodies of one kind (create, update, scale), of both versions together; `npm run test:random-bodies` sends 500. */
export const bodiesOfKind = Number(process.env.WADI_RANDOM_BODIES ?? 60);

/** Milliseconds; a body that is taken may mean machines to wait for, on a computer that is busy with other things. */
export const patience = 120_000 + bodiesOfKind * 5000;

/** How many of them are one of `parts`. Each of these is sent valid as often as it is sent wrong in one field. */
export function runsOf(parts: number): { readonly numRuns: number } {
  return { numRuns: Math.ceil(bodiesOfKind / parts / 2) };
}
