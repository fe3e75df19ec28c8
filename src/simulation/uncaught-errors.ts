/**
 * Errors that code of a simulation leaves uncaught: rejections that nobody handles, and errors thrown in a
 * `process.nextTick` or `queueMicrotask`. Node would end the process, and a test runner would blame the test that runs
 * at the moment; here the error fails the simulation. A rejection that is handled before virtual time advances does not
 * count. Uncaught errors of code outside the simulation are left to Node. Invariant: an error that may be of either
 * fails the simulation and goes on to Node's listeners, so that an expected failure never hides it.
 */
import { isInstance } from '../kernel/argument-check.ts';
import { onProcessEvents, type PassOn } from '../kernel/drain-host.ts';
import type { FailureFact } from './failure-fact.ts';
import type { RunningProcess } from './processes.ts';

/** The detail of a failure by an error with `isOfMachineTimer`. */
export const BETWEEN_TURNS: FailureFact = {
  kind: 'undecided',
  text: 'A timer of the machine called the code that threw, between two turns of this simulation. No decision leads to it, and the code may belong to an earlier simulation.',
};

/** An uncaught error, and when it occurred. */
export interface UncaughtError {
  readonly what: 'unhandled rejection' | 'uncaught exception';
  readonly reason: unknown;
  /** Virtual time. */
  readonly atMs: number;
  /** The process whose code it is; undefined for the scenario. */
  readonly process: RunningProcess | undefined;
  /** Whether that process was alive when Node reported the error. Errors of a dead process are ignored. */
  readonly wasAlive: boolean;
  /** True if a timer of the machine called the code that threw, between two turns of the simulation. */
  readonly isOfMachineTimer?: boolean;
}

/**
 * The reason of a rejected, unhandled promise that marks where code of a process begins or ends without an event of its
 * own. Node reports rejections in order, so those between two marks belong to that process.
 */
class Mark {
  readonly owner: UncaughtErrors;
  /** The process whose code runs from here. */
  readonly process: RunningProcess | undefined;
  /** False if code outside the simulation runs from here. */
  readonly isWithinTurn: boolean;
  /**
   * Whether that process was alive when its code had run; undefined if Node reports at once, so that the process can be
   * asked.
   */
  wasAlive: boolean | undefined = undefined;

  constructor(owner: UncaughtErrors, process: RunningProcess | undefined, isWithinTurn: boolean) {
    this.owner = owner;
    this.process = process;
    this.isWithinTurn = isWithinTurn;
  }
}

/** Uncaught errors that are not judged yet. */
export class UncaughtErrors {
  /** Keys are promises for rejections, and a fresh object for each exception. */
  readonly #errors = new Map<unknown, UncaughtError>();
  readonly #stop: () => void;
  /** Marks that Node has not reported yet. */
  readonly #marks = new Set<Promise<never>>();
  /** The mark at which the running code began; undefined if its event identifies the process. */
  #running: Mark | undefined;
  /** The mark after which the rejections being reported occurred. */
  #announced: Mark | undefined;
  /**
   * True if Node reports rejections only at the end of a turn of many events; then each event of a process is marked.
   */
  readonly #isLate: boolean;

  /**
   * `isLate`: Node reports rejections only at the end of a turn of many events. `isOfRun` returns whether the error
   * that Node reports now comes from the simulation, `'perhaps'` if that cannot be known; `now` returns virtual time,
   * the process whose code runs, and what called it; `passOn` calls the listeners for an error of other code.
   */
  constructor(
    isLate: boolean,
    isOfRun: (what: UncaughtError['what'], reason: unknown) => boolean | 'perhaps',
    now: (what: UncaughtError['what']) => Omit<UncaughtError, 'what' | 'reason'>,
    passOn: PassOn,
  ) {
    this.#isLate = isLate;
    const note = (what: UncaughtError['what'], key: unknown, reason: unknown): boolean | 'shared' => {
      if (isInstance(reason, Mark)) return this.#pass(reason, key);
      const isOwn = isOfRun(what, reason);
      if (isOwn === false) return false;
      this.#errors.set(key, { what, reason, ...now(what), ...this.#whose() });
      return isOwn === 'perhaps' ? 'shared' : true;
    };
    this.#stop = onProcessEvents(
      {
        unhandledRejection: (reason, promise) => note('unhandled rejection', promise, reason),
        uncaughtException: (reason) => note('uncaught exception', {}, reason),
        rejectionHandled: (promise) => this.#errors.delete(promise),
      },
      passOn,
    );
  }

  /** Stops watching. */
  end(): void {
    this.#stop();
    for (const mark of this.#marks) mark.catch(() => undefined);
  }

  /** Runs code of a process inside an event of other code. */
  within(process: RunningProcess, code: () => void): void {
    const outside = this.#running?.process;
    this.#mark(process);
    try {
      code();
    } finally {
      this.#mark(outside);
    }
  }

  /** An event of that process begins; undefined when it is over. */
  noteEvent(process: RunningProcess | undefined): void {
    if (this.#isLate) this.#mark(process);
  }

  /** A turn of the simulation begins or is over. Used where Node reports late. */
  noteTurn(isBegin: boolean): void {
    this.#mark(this.#running?.process, isBegin);
  }

  /** True if the rejection that Node reports late comes from a turn of the simulation. */
  get isWithinTurn(): boolean {
    return this.#announced?.isWithinTurn === true;
  }

  get isEmpty(): boolean {
    return this.#errors.size === 0;
  }

  /** Removes an error that was handled. */
  forget(error: UncaughtError): void {
    for (const [key, other] of this.#errors) if (other === error) this.#errors.delete(key);
  }

  #mark(process: RunningProcess | undefined, isWithinTurn = true): void {
    const mark = new Mark(this, process, isWithinTurn);
    const before = this.#running;
    if (this.#isLate && before !== undefined) before.wasAlive = before.process?.parts.isAlive;
    this.#running = mark;
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a marker that only we see; an Error would capture a stack each time
    this.#marks.add(Promise.reject<never>(mark));
  }

  #pass(mark: Mark, promise: unknown): boolean {
    if (mark.owner !== this) return false;
    this.#marks.delete(promise as Promise<never>);
    this.#announced = mark;
    return true;
  }

  /** Empty if the event that fires identifies the process. */
  #whose(): Partial<Pick<UncaughtError, 'process' | 'wasAlive'>> {
    if (this.#announced === undefined) return {};
    const { process, wasAlive = process?.parts.isAlive ?? true } = this.#announced;
    return process === undefined && !this.#isLate ? {} : { process, wasAlive };
  }

  /** The first error that nothing can catch any more if the next event is due at `nextMs`. */
  first(nextMs: number): UncaughtError | undefined {
    for (const error of this.#errors.values()) {
      if (error.what === 'uncaught exception' || error.atMs < nextMs) return error;
    }
    return undefined;
  }
}
