/**
 * Failures of `expect.soft` in a test that runs its scenario many times. Vitest adds each to the result of the test.
 * Invariants: an execution fails at its end if assertions failed in it, by one error that says all of them, and the
 * result of the test keeps none of these; every other error that comes into the result stays there: that of Vitest when
 * the test's time is up, and those of code outside of the executions.
 */
import { hub } from '../ambient/hub.ts';
import { isStackLine } from '../kernel/stack-line.ts';
import { counted } from '../model/plural.ts';
import { isSimulating } from '../simulation/simulating.ts';

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
  readonly result?: { errors?: KeptError[] };
}

/** See the top of the file. */
export class SoftFailures {
  readonly #task: TaskWithResult;
  readonly #signal: AbortSignal | undefined;
  /** The list of the result, while it is watched. */
  #watched: KeptError[] | undefined;
  #failed: KeptError[] = [];
  #isRunning = false;
  /** True once an assertion has failed. */
  hasAny = false;

  /** `signal` is aborted when Vitest ends the test, before it adds the error that says so. */
  constructor(task: TaskWithResult, signal?: AbortSignal) {
    this.#task = task;
    this.#signal = signal;
  }

  /** An execution begins. The one before it may have failed before its end. */
  begin(): void {
    this.#watch();
    this.#isRunning = true;
    this.#failed = [];
  }

  /** An execution ends. Throws if assertions failed in it. */
  end(): void {
    this.#isRunning = false;
    const failed = this.#take();
    const [first] = failed;
    if (first === undefined) return;
    throw failed.length === 1 ? errorOf(first) : errorOfAll(failed);
  }

  /**
   * Takes the errors of the execution that ran last, if it failed before its end: their messages, which are then
   * forgotten.
   */
  takeLast(): string[] {
    return this.#isRunning ? this.#take().map(({ message = '' }) => message) : [];
  }

  /** The test is over: the result is as Vitest makes it. */
  stop(): void {
    this.#isRunning = false;
    const { result } = this.#task;
    if (this.#watched !== undefined) Reflect.deleteProperty(this.#watched, 'push');
    if (result?.errors === this.#watched && this.#watched?.length === 0) delete result?.errors;
    this.#watched = undefined;
  }

  /** Watches by the list's own `push`: only at that moment is it known which code adds an error. */
  #watch(): void {
    const { result } = this.#task;
    if (result === undefined) return;
    const errors = (result.errors ??= []);
    if (errors === this.#watched) return;
    this.#watched = errors;
    // Not enumerable, because Vitest sends copies of the result to another thread.
    Object.defineProperty(errors, 'push', {
      configurable: true,
      value: (...added: KeptError[]): number => {
        const isOwn = this.#isAsserting;
        this.hasAny ||= isOwn;
        const list = isOwn ? this.#failed : errors;
        list.splice(list.length, 0, ...added);
        return errors.length;
      },
    });
  }

  /**
   * True if code of the execution may be running: in a turn, or when the simulation waits for Node to load its code. A
   * turn that was cut off inside a loop is still on when Vitest adds its own error.
   */
  get #isAsserting(): boolean {
    if (!this.#isRunning || this.#signal?.aborted === true) return false;
    return isSimulating() || hub.world !== undefined;
  }

  #take(): readonly KeptError[] {
    const failed = this.#failed;
    this.#failed = [];
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
  const frames = failed.flatMap(({ stack = '' }) => stack.split('\n').filter(isStackLine));
  error.name = 'AssertionError';
  error.stack = [`${error.name}: ${error.message}`, ...new Set(frames)].join('\n');
  return error;
}
