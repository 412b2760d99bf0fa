/** Names that somebody may have meant, best first: at most three. */
export function nearNames(wanted: string, names: Iterable<string>): string[] {
  const low = wanted.toLowerCase();
  const farthest = Math.max(2, Math.floor(low.length / 3));
  return [...new Set(names)]
    .map((name) => ({ name, distance: distanceOf(low, name.toLowerCase(), farthest) }))
    .filter(({ distance }) => distance <= farthest)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Edits from one to the other (Levenshtein); a part of the other counts as one edit. */
function distanceOf(a: string, b: string, farthest: number): number {
  if (a === b) return 0;
  if (a.length >= 3 && b.includes(a)) return 1;
  // Not fewer edits than this, and counting them takes long.
  const atLeast = Math.abs(a.length - b.length);
  if (atLeast > farthest) return atLeast;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
