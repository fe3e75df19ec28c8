/** Parses one line of a file and holds it against its shape. What does not fit becomes an error with the line's number. */
import * as is from '../kernel/shape.ts';
import { describeValue } from '../kernel/errors.ts';
import type { Line } from './line-reader.ts';
import { TraceFormatError } from './trace-format-error.ts';

/** A line's object before its fields are known to be right. */
export type ParsedLine = Readonly<Record<string, unknown>>;

/** The error of a line that cannot be. */
export function corrupted(line: number, expected: string, actual: string, cause?: unknown): TraceFormatError {
  return new TraceFormatError({ problem: 'corrupted', line, expected, actual, cause });
}

/** The object on a line; a last line that stops in the middle is `truncated`, any other that is no object `corrupted`. */
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

/** Throws for the first place where a line does not fit. */
export function checkLine(line: number, shape: is.Shape, value: ParsedLine): void {
  const found = is.findMismatch(shape, value);
  if (found === undefined) return;
  const { path, expected, got } = found;
  throw corrupted(line, path === '' ? expected : `${path}: ${expected}`, got);
}

/** The line's object without fields that belong to the file and not to what it holds. */
export function withoutFields(value: ParsedLine, ...names: readonly string[]): ParsedLine {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}
