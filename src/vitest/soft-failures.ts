/**
 * Failures of `expect.soft` in a test that runs its scenario many times. Vitest adds each to the result of the test.
 * Invariants: an execution fails at its end if assertions failed in it, by one error that says all of them; the result
 * of the test keeps none of them, except one that comes between two executions, which is left to Vitest.
 */
import { counted } from '../model/plural.ts';

/** An error as Vitest keeps it: its fields are data. */
interface KeptError {
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string;
  readonly expected?: unknown;
  readonly actual?: unknown;
  readonly diff?: unknown;
}

/** The used subset of a task of Vitest. */
export interface TaskWithResult {
  readonly result?: { readonly errors?: KeptError[] };
}

const FRAME = /^\s*at /;

/** See the top of the file. */
export class SoftFailures {
  readonly #task: TaskWithResult;
  /** Number of errors that the result had when the execution began. */
  #before = 0;
  #isRunning = false;
  /** True once an assertion has failed. */
  hasAny = false;

  constructor(task: TaskWithResult) {
    this.#task = task;
  }

  /** An execution begins. The one before it may have failed before its end. */
  begin(): void {
    if (this.#isRunning) this.#take();
    this.#isRunning = true;
    this.#before = this.#task.result?.errors?.length ?? 0;
  }

  /** An execution ends. Throws if assertions failed in it. */
  end(): void {
    this.#isRunning = false;
    const failed = this.#take();
    const [first] = failed;
    if (first === undefined) return;
    throw failed.length === 1 ? errorOf(first) : errorOfAll(failed);
  }

  /** Messages of the execution that ran last, if it failed before its end. */
  ofLast(): string[] {
    return this.#isRunning ? this.#take().map(({ message = '' }) => message) : [];
  }

  #take(): readonly KeptError[] {
    const failed = this.#task.result?.errors?.splice(this.#before) ?? [];
    if (failed.length > 0) this.hasAny = true;
    return failed;
  }
}

function errorOf({ name = 'Error', message, stack, ...compared }: KeptError): Error {
  return Object.assign(new Error(message), { stack, ...compared, name });
}

/** The explanation has a message on one line, so its parts are numbered. */
function errorOfAll(failed: readonly KeptError[]): Error {
  const messages = failed.map(({ message = '' }, index) => `(${index + 1}) ${message}`);
  const error = new Error(`${counted(failed.length, 'soft assertion')} failed: ${messages.join('\n')}`);
  const frames = failed.flatMap(({ stack = '' }) => stack.split('\n').filter((line) => FRAME.test(line)));
  error.name = 'AssertionError';
  error.stack = [`${error.name}: ${error.message}`, ...new Set(frames)].join('\n');
  return error;
}
