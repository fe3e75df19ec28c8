/**
 * Canonical JSON: keys are sorted, so that equal data gives equal bytes however it was built (R209). Used for the
 * opaque fields of events and for maps filled by users.
 */
import { RunnerError, describeValue } from '../kernel/errors.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Compares by UTF-16 code units: the same order on every machine and locale. */
function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The sorted keys of a plain object, without those whose value is `undefined`, as in JSON. */
export function sortedKeys(value: object): string[] {
  return Object.keys(value)
    .filter((key) => (value as JsonObject)[key] !== undefined)
    .sort(byCodeUnits);
}

function isSorted(value: object): boolean {
  let before = '';
  for (const key of Object.keys(value)) {
    if (key < before) return false;
    before = key;
  }
  return true;
}

/**
 * JSON with sorted keys. Values that JSON ignores (functions, symbols, `undefined`) are left out or become null, as in
 * `JSON.stringify`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a cycle, a bigint, or data that is nested too deeply.
 */
export function canonicalJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, held: unknown) => {
      if (typeof held !== 'object' || held === null || Array.isArray(held) || isSorted(held)) return held;
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
