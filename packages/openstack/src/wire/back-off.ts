export interface BackOff {
  /** Milliseconds before the second attempt, at most; doubled for each further one. */
  readonly firstPause: number;
  /** Milliseconds that it never exceeds. A service may ask for more by Retry-After. */
  readonly longestPause: number;
}

/**
 * Milliseconds to wait after that many attempts (from 1). Half of it is drawn at random, so that many who failed together do
 * not come back together. Never less than the service asked for, and at most a quarter more.
 */
export function pauseAfter(
  attempts: number,
  asked: number | null,
  { firstPause, longestPause }: BackOff,
  random: () => number,
): number {
  const most = Math.min(firstPause * 2 ** (attempts - 1), longestPause);
  if (asked === null) return most / 2 + (random() * most) / 2;
  return asked + random() * Math.min(most, asked / 4);
}
