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

function isSorted(keys: readonly string[]): boolean {
  let before = '';
  for (const key of keys) {
    if (key < before) return false;
    before = key;
  }
  return true;
}

/** A replacer for `JSON.stringify`. Keys that are indexes stay in the order of their numbers. */
function withSortedKeys(_key: string, held: unknown): unknown {
  if (typeof held !== 'object' || held === null || Array.isArray(held)) return held;
  if (isSorted(Object.keys(held))) return held;
  return Object.fromEntries(sortedKeys(held).map((key) => [key, (held as JsonObject)[key]]));
}

/** Values that are nested deeper than this, or contain a cycle, are left to `JSON.stringify`. */
const DEPTH_MAX = 64;

/**
 * The canonical JSON of plain data, several times faster than with a replacer; `undefined` for anything that
 * `JSON.stringify` does not write as it stands.
 */
function plainJson(value: unknown, depth: number = DEPTH_MAX): string | undefined {
  if (typeof value === 'string') return textJson(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value === 'boolean' || value === null) return String(value);
  if (typeof value !== 'object' || depth === 0 || 'toJSON' in value) return undefined;
  if (Array.isArray(value)) return listJson(value, depth - 1);
  return Object.getPrototypeOf(value) === Object.prototype
    ? recordJson(value as JsonObject, depth - 1)
    : undefined;
}

/** Printable ASCII without `"` and `\`, which JSON writes as it is. */
const UNESCAPED = /^[ !#-[\]-~]*$/;

function textJson(text: string): string {
  return UNESCAPED.test(text) ? `"${text}"` : JSON.stringify(text);
}

function listJson(list: readonly unknown[], depth: number): string | undefined {
  let text = '';
  for (const value of list) {
    const item = plainJson(value, depth);
    if (item === undefined) return undefined;
    text += text === '' ? item : `,${item}`;
  }
  return `[${text}]`;
}

function recordJson(record: JsonObject, depth: number): string | undefined {
  const keys = Object.keys(record);
  for (const key of keys) if (isIndex(key)) return undefined;
  if (!isSorted(keys)) sortKeys(keys);
  let text = '';
  for (const key of keys) {
    const value = record[key];
    if (value === undefined) continue;
    const item = plainJson(value, depth);
    if (item === undefined) return undefined;
    text += `${text === '' ? '' : ','}${keyJson(key)}:${item}`;
  }
  return `{${text}}`;
}

/** Keys in JSON: few different ones, and a record has many. */
const KEYS = new Map<string, string>();
const KEYS_MAX = 1_000;

function keyJson(key: string): string {
  const known = KEYS.get(key);
  if (known !== undefined) return known;
  const json = textJson(key);
  if (KEYS.size < KEYS_MAX) KEYS.set(key, json);
  return json;
}

/** Sorts in place by {@link byCodeUnits}: without the lists that `sort` makes, which are most of its cost for few keys. */
function sortKeys(keys: string[]): void {
  if (keys.length > 32) {
    keys.sort(byCodeUnits);
    return;
  }
  for (let end = 1; end < keys.length; end += 1) {
    const key = keys[end] as string;
    let at = end;
    for (; at > 0 && key < (keys[at - 1] as string); at -= 1) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
}

/** True for keys that an object lists by number, whatever their order of insertion. */
function isIndex(key: string): boolean {
  const code = key.charCodeAt(0);
  return code >= 48 && code <= 57;
}

/**
 * JSON with sorted keys. Values that JSON ignores (functions, symbols, `undefined`) are left out or become null, as in
 * `JSON.stringify`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a cycle, a bigint, or data that is nested too deeply.
 */
export function canonicalJson(value: unknown): string {
  try {
    return plainJson(value) ?? JSON.stringify(value, withSortedKeys);
  } catch (cause) {
    const expected = 'data that JSON can hold';
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', `expected ${expected}, got ${describeValue(value)}`, {
      expected,
      actual: value,
      cause,
    });
  }
}
