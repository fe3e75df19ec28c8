/** Suggests the name that was meant by a mistyped one. */

/** The share of the typed letters that may differ. */
const MISTYPED_PART = 0.4;

/** The most similar name; undefined if none is similar enough. Ignores case. */
export function nearestName(typed: string, names: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(typed.length * MISTYPED_PART)) + 1;
  for (const name of names) {
    const letters = editDistance(typed.toLowerCase(), name.toLowerCase(), least);
    if (letters < least) [nearest, least] = [name, letters];
  }
  return nearest;
}

/** The number of letters to add, remove, change or swap with the next; `most` if the lengths alone differ by that. */
function editDistance(one: string, other: string, most: number): number {
  if (Math.abs(one.length - other.length) >= most) return most;
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  let above: readonly number[] = [];
  for (let i = 1; i <= one.length; i += 1) {
    const higher = above;
    above = row;
    row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const changed = (above[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const swapped = isSwapped ? (higher[j - 2] as number) + 1 : Infinity;
      row.push(Math.min(changed, swapped, (above[j] as number) + 1, (row[j - 1] as number) + 1));
    }
  }
  return row[other.length] as number;
}
