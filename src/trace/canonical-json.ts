/**
 * One text per value: JSON whose keys stand in sorted order, so that equal data gives equal bytes whatever built it (R209).
 * Used for the opaque fields of events and for the maps that users fill.
 */
import { RunnerError, describeValue } from '../kernel/errors.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Compares by UTF-16 code units: the same order on every machine and locale. */
function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The keys of a plain object, sorted; those that hold `undefined` are left out, as JSON does. */
export function sortedKeys(value: object): string[] {
  return Object.keys(value)
    .filter((key) => (value as JsonObject)[key] !== undefined)
    .sort(byCodeUnits);
}

/**
 * JSON with sorted keys. What JSON cannot hold but ignores (functions, symbols, `undefined`) is left out or becomes null, as in
 * `JSON.stringify`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a cycle, a bigint, or data that is nested too deeply.
 */
export function canonicalJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, held: unknown) => {
      if (typeof held !== 'object' || held === null || Array.isArray(held)) return held;
      return Object.fromEntries(sortedKeys(held).map((key) => [key, (held as JsonObject)[key]]));
    });
  } catch (cause) {
    const expected = 'data that JSON can hold';
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', `expected ${expected}, got ${describeValue(value)}`, {
      expected,
      actual: value,
      cause,
    });
  }
}
