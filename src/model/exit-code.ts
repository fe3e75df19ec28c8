/**
 * Exit codes of the machinery, and the error that carries one. Codes 200–250 stand for the machinery only in a FAILED
 * run; in a COMPLETE run the same number is the command's own (R20).
 */
import { check } from '../kernel/argument-check.ts';
import * as is from '../kernel/shape.ts';
import { errorOptions, invalidArgument, messageOf, shownText } from '../kernel/errors.ts';

/** Exit code of a command or of the machinery; −1 for a death by signal. */
export type ExitCode = number;

/** Exit codes of the machinery (R19). See {@link codedError}. */
export const EXIT_CODES: {
  readonly PREPROCESSING: 200;
  readonly CHECKOUT_UNCODED: 210;
  readonly CLEAN: 211;
  readonly CHECKOUT: 212;
  readonly CHECKOUT_RELEASE: 213;
  readonly BUNDLE_UPLOAD: 214;
  readonly READ_ALL: 215;
  readonly EXPORT: 216;
  readonly DB_INIT: 217;
  readonly LOG_CREATION: 220;
  readonly POSTPROCESSING: 230;
  readonly COULD_NOT_EXEC: 240;
  readonly HIGH_INITIAL_MEMORY: 241;
  readonly POST_EXEC: 250;
} = Object.freeze({
  PREPROCESSING: 200,
  CHECKOUT_UNCODED: 210,
  CLEAN: 211,
  CHECKOUT: 212,
  CHECKOUT_RELEASE: 213,
  BUNDLE_UPLOAD: 214,
  READ_ALL: 215,
  EXPORT: 216,
  DB_INIT: 217,
  LOG_CREATION: 220,
  POSTPROCESSING: 230,
  COULD_NOT_EXEC: 240,
  HIGH_INITIAL_MEMORY: 241,
  POST_EXEC: 250,
});

/**
 * An error with an exit code: how a filer, an execer or the invoker reports that the machinery failed. See
 * {@link codedError}.
 */
export class ExitCodeError extends Error {
  readonly exitCode: ExitCode;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the code is not an integer. */
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(shownText(message), errorOptions(options));
    check('exitCode', exitCode, is.WHOLE);
    this.name = 'ExitCodeError';
    this.exitCode = exitCode;
  }
}

/** True for an {@link ExitCodeError}; also recognizes one from another copy of the package. */
export function isExitCodeError(error: unknown): error is ExitCodeError {
  try {
    return error instanceof Error && Number.isSafeInteger((error as { exitCode?: unknown }).exitCode);
  } catch {
    // Anything may be thrown, also objects that throw when they are inspected.
    return false;
  }
}

/**
 * Wraps an error into one with an exit code, and keeps the code of an error that has one; undefined for no error (R21).
 *
 * @example
 * ```ts
 * import { codedError, EXIT_CODES, exitCodeOf } from 'dryrunner/kit';
 * const error = codedError(new Error('disk full'), EXIT_CODES.CHECKOUT);
 * console.log(error?.message, exitCodeOf(error) === EXIT_CODES.CHECKOUT); // disk full true
 * ```
 */
export function codedError(error: unknown, exitCode: ExitCode): ExitCodeError | undefined {
  if (error === undefined || error === null) return undefined;
  if (isExitCodeError(error)) return error;
  return new ExitCodeError(exitCode, textOf(error), { cause: error });
}

function textOf(error: unknown): string {
  return messageOf(error);
}

/**
 * The exit code of an error: 0 for no error, and `fallback` (default 250) for an error without code (R21). See
 * {@link codedError}.
 */
export function exitCodeOf(error: unknown, fallback: ExitCode = EXIT_CODES.POST_EXEC): ExitCode {
  if (!Number.isInteger(fallback)) throw invalidArgument('fallback', 'an integer', fallback);
  if (error === undefined || error === null) return 0;
  return isExitCodeError(error) ? error.exitCode : fallback;
}
