/** Formats drawn values for people. Invariant: one short line for any value; never throws. */
import { describeValue } from '../../kernel/errors.ts';

const LENGTH_MAX = 100;

/** The value as JSON if possible; cut to `lengthMax` characters. */
export function valueText(value: unknown, lengthMax: number = LENGTH_MAX): string {
  const text = jsonOf(value) ?? describeValue(value);
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
}

function jsonOf(value: unknown): string | undefined {
  if (typeof value === 'bigint') return undefined;
  // JSON writes some of these differently.
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  try {
    return JSON.stringify(value, shownAs);
  } catch {
    // A cycle, or an object that cannot be serialized: only its type can be shown.
    return undefined;
  }
}

function shownAs(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? Array.from(value as Uint8Array) : value;
}
