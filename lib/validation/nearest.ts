/**
 * Finds the known name that a mistyped one probably meant.
 * @param typed what the user wrote
 * @param known the right names
 * @returns the nearest one, or undefined when none is near (more than a third of its letters, at least two, would have to change)
 */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, allowed: Math.max(2, Math.floor(name.length / 3)) }))
    // Every letter that one has more than the other is a change: a long text needs no table.
    .filter(({ name, allowed }) => Math.abs(name.length - typed.length) <= allowed)
    .map(({ name, allowed }) => ({ name, allowed, distance: editDistance(typed.toLowerCase(), name.toLowerCase()) }))
    .filter(({ distance, allowed }) => distance <= allowed)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name;
}

/** Counts the insertions, deletions and replacements that turn one word into another (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
