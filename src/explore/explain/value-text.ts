/** Formats drawn values for people. Invariant: one short line for any value; never throws. */
import { describeValue } from '../../kernel/errors.ts';

const LENGTH_MAX = 100;
/** Stands before the place of a word, in a text that replaces a value. */
const MARK = '\u0000';
const MARKED = /"\\u0000(\d+)"/g;

/** The value as JSON if possible, with what JSON does not have as in code; cut to `lengthMax` characters. */
export function valueText(value: unknown, lengthMax: number = LENGTH_MAX): string {
  const text = jsonOf(value) ?? describeValue(value);
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
}

function jsonOf(value: unknown): string | undefined {
  const words: string[] = [];
  try {
    const text = JSON.stringify(value, function shownAs(this: unknown, key: string, read: unknown) {
      // What is not null is not read again, because a getter may do something.
      const isNoDate = read === null && isDate((this as Record<string, unknown>)[key]);
      const word = isNoDate ? 'Invalid Date' : wordFor(read, Array.isArray(this));
      return word === undefined ? listed(read) : MARK + (words.push(word) - 1);
    }) as string | undefined;
    return text?.replace(MARKED, (_marked, at: string) => words[Number(at)] ?? '');
  } catch {
    // A cycle, or an object that cannot be serialized: only its type can be shown.
    return undefined;
  }
}

/** What JSON would write as something else, as written in code; undefined for all other values. */
function wordFor(value: unknown, isListed: boolean): string | undefined {
  if (typeof value === 'string') return value.startsWith(MARK) ? JSON.stringify(value) : undefined;
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value);
  // JSON leaves such fields out, but not such items.
  return isListed && hasNoJson(value) ? describeValue(value) : undefined;
}

function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Date]';
}

function hasNoJson(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol';
}

function listed(value: unknown): unknown {
  if (value instanceof Map || value instanceof Set) return [...value];
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? Array.from(value as Uint8Array) : value;
}
