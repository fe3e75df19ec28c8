/** Parses a line of a file and checks its shape. A mismatch is an error with the line number. */
import * as is from '../kernel/shape.ts';
import { describeValue } from '../kernel/errors.ts';
import type { Line } from './line-reader.ts';
import { TraceFormatError } from './trace-format-error.ts';

/** The object of a line whose fields have not been checked yet. */
export type ParsedLine = Readonly<Record<string, unknown>>;

/** The error for an invalid line. */
export function corrupted(line: number, expected: string, actual: string, cause?: unknown): TraceFormatError {
  return new TraceFormatError({ problem: 'corrupted', line, expected, actual, cause });
}

/**
 * The object on a line. A last line that is cut off is `truncated`, any other line without an object is `corrupted`.
 */
export function parseLine({ number, text, isEnded }: Line): ParsedLine {
  try {
    const value: unknown = JSON.parse(text);
    if (is.isObject(value)) return value;
  } catch (cause) {
    if (isEnded) throw corrupted(number, 'a JSON object', describeValue(text), cause);
    const expected = 'a whole line';
    throw new TraceFormatError({
      problem: 'truncated',
      line: number,
      expected,
      actual: describeValue(text),
      cause,
    });
  }
  throw corrupted(number, 'a JSON object', describeValue(text));
}

/** Throws at the first field of a line that does not match. */
export function checkLine(line: number, shape: is.Shape, value: ParsedLine): void {
  const found = is.findMismatch(shape, value);
  if (found === undefined) return;
  const { path, expected, got } = found;
  throw corrupted(line, path === '' ? expected : `${path}: ${expected}`, got);
}

/** The object of a line without fields that belong to the file format. */
export function withoutFields(value: ParsedLine, ...names: readonly string[]): ParsedLine {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}
