/** The checks of cases: each throws a typed error that says what was checked, what was expected and what came. */
import { isDeepStrictEqual } from 'node:util';
import { valueText } from '../explore/explain/value-text.ts';
import { isRunnerError, type RunnerError, type RunnerErrorCode, shownText } from '../kernel/errors.ts';
import type { RunStatus } from '../model/run-status.ts';

/** An expectation of a case that was not met. See {@link runConformance}. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
  readonly expected: unknown;
  readonly actual: unknown;

  constructor(message: string, expected: unknown, actual: unknown, cause?: unknown) {
    super(shownText(message), cause === undefined ? undefined : { cause });
    this.expected = expected;
    this.actual = actual;
  }
}

function mismatch(what: string, expected: unknown, actual: unknown): ConformanceError {
  const shown = expected instanceof Words ? expected.text : expected;
  const [wanted, came] = [show(expected), show(actual)];
  // JSON hides some differences, such as fields that are undefined.
  const more = wanted === came ? ', which differs from it in what is not shown' : '';
  return new ConformanceError(`${what}: expected ${wanted}, got ${came}${more}`, shown, actual);
}

/** Checks that both are the same value, or plain data with the same content. */
export function checkEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) throw mismatch(what, expected, actual);
}

/** Checks that the expected fields are present and equal; all other fields are ignored. */
export function checkFields<T extends object>(what: string, actual: T, expected: Partial<T>): void {
  for (const field of Object.keys(expected) as (keyof T & string)[]) {
    checkEqual(`${field} of ${what}`, actual[field], expected[field]);
  }
}

/** Checks a condition; `expected` describes it in words. */
export function checkThat(condition: boolean, what: string, expected: string, actual: unknown): void {
  if (!condition) throw mismatch(what, new Words(expected), actual);
}

/** Checks that the promise rejects with a `RunnerError` of that code, and resolves with that error. */
export async function checkRejects(
  what: string,
  promise: Promise<unknown>,
  code: RunnerErrorCode,
): Promise<RunnerError> {
  let came: unknown;
  try {
    came = await promise;
  } catch (error) {
    if (isRunnerError(error, code)) return error;
    throw mismatch(what, new Words(`an error of code ${code}`), error);
  }
  throw mismatch(what, new Words(`an error of code ${code}`), came);
}

/** The status that the error of a refused `run` carries (R22). */
export function statusInside(error: RunnerError): RunStatus {
  const { status } = error as RunnerError & { readonly status?: RunStatus };
  if (status === undefined) {
    throw mismatch('the error of a refused run', new Words('one with a status'), error);
  }
  return status;
}

/** A text that is shown without quotes. */
class Words {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Long enough for a list of a case's events, which is compared as a whole. */
const LENGTH_MAX = 4_000;

function show(value: unknown): string {
  if (value instanceof Words) return value.text;
  if (isRunnerError(value)) return `${value.code} (${value.message})`;
  if (value instanceof Error) return `${value.name} (${value.message})`;
  return valueText(value, LENGTH_MAX);
}

/** That field of each status, in order. */
export function each<Field extends keyof RunStatus>(
  statuses: readonly RunStatus[],
  field: Field,
): RunStatus[Field][] {
  return statuses.map((status) => status[field]);
}
