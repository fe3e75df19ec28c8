/**
 * One text per value: JSON whose keys stand in sorted order, so that equal data gives equal bytes whatever built it (R209).
 * Used for the opaque fields of events and for the maps that users fill.
 */

/** Compares by UTF-16 code units: the same order on every machine and locale. */
function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The keys of a plain object, sorted; those that hold `undefined` are left out, as JSON does. */
export function sortedKeys(value: object): string[] {
  return Object.keys(value)
    .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
    .sort(byCodeUnits);
}

/**
 * JSON with sorted keys. What JSON cannot hold (functions, symbols, `undefined`) is left out or becomes null, as in
 * `JSON.stringify`.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) => {
    if (typeof held !== 'object' || held === null || Array.isArray(held)) return held;
    return Object.fromEntries(sortedKeys(held).map((key) => [key, (held as Record<string, unknown>)[key]]));
  });
}
