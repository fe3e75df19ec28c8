/**
 * What code of a simulation leaves uncaught: rejections that nobody handles, and what a `process.nextTick` or
 * `queueMicrotask` throws. Node would end the process, and a test runner would blame whatever test is on; here it fails the simulation.
 * A rejection that is handled before virtual time goes on is none. What code beside the simulation leaves uncaught is Node's, as ever.
 */
import { isInstance } from '../kernel/argument-check.ts';
import { onProcessEvents } from '../kernel/drain-host.ts';
import type { RunningProcess } from './processes.ts';

/** What was left uncaught, and when. */
export interface UncaughtError {
  readonly what: 'unhandled rejection' | 'uncaught exception';
  readonly reason: unknown;
  /** Virtual time. */
  readonly atMs: number;
  /** Whose code it is; undefined for the scenario's. */
  readonly process: RunningProcess | undefined;
  /** Whether that process was alive when it was announced. What a dead one does is seen by nobody. */
  readonly wasAlive: boolean;
}

/**
 * Rejected, and handled by nobody, where the code of a process begins and ends that has no event of its own: Node announces rejections in
 * their order, so what comes between two of these is of that process.
 */
class Mark {
  readonly owner: UncaughtErrors;
  /** Whose code runs from here. */
  readonly process: RunningProcess | undefined;
  /** False if code beside the simulation runs from here. */
  readonly isWithinTurn: boolean;
  /** Whether that process was alive when its code had run; undefined while it is known by itself, as Node announces at once. */
  wasAlive: boolean | undefined = undefined;

  constructor(owner: UncaughtErrors, process: RunningProcess | undefined, isWithinTurn: boolean) {
    this.owner = owner;
    this.process = process;
    this.isWithinTurn = isWithinTurn;
  }
}

/** What was left uncaught and is not yet judged. */
export class UncaughtErrors {
  /** Of promises, and of exceptions by themselves. */
  readonly #errors = new Map<unknown, UncaughtError>();
  readonly #stop: () => void;
  /** Those that are not announced. */
  readonly #marks = new Set<Promise<never>>();
  /** Where the code that runs has begun, if that is not known by its event. */
  #running: Mark | undefined;
  /** Where the code began whose rejections are announced. */
  #announced: Mark | undefined;
  /** Node announces what events have left at the end of a turn of many, so that each event of a process is marked. */
  readonly #isLate: boolean;

  /**
   * `isLate` is true if Node announces what events have left at the end of a turn of many; `isOfRun` says whether what Node announces now comes from
   * the simulation; `now` gives virtual time, and whose code runs.
   */
  constructor(
    isLate: boolean,
    isOfRun: (what: UncaughtError['what']) => boolean,
    now: () => Pick<UncaughtError, 'atMs' | 'process' | 'wasAlive'>,
  ) {
    this.#isLate = isLate;
    const note = (what: UncaughtError['what'], key: unknown, reason: unknown): boolean => {
      if (isInstance(reason, Mark)) return this.#pass(reason, key);
      if (!isOfRun(what)) return false;
      this.#errors.set(key, { what, reason, ...now(), ...this.#whose() });
      return true;
    };
    this.#stop = onProcessEvents({
      unhandledRejection: (reason, promise) => note('unhandled rejection', promise, reason),
      uncaughtException: (reason) => note('uncaught exception', {}, reason),
      rejectionHandled: (promise) => this.#errors.delete(promise),
    });
  }

  /** Ends the watch. */
  end(): void {
    this.#stop();
    for (const mark of this.#marks) mark.catch(() => undefined);
  }

  /** Runs code of a process in the midst of somebody else's. */
  within(process: RunningProcess, code: () => void): void {
    const outside = this.#running?.process;
    this.#mark(process);
    try {
      code();
    } finally {
      this.#mark(outside);
    }
  }

  /** An event of that process begins, or of none. */
  noteEvent(process: RunningProcess | undefined): void {
    if (this.#isLate) this.#mark(process);
  }

  /** A turn of the simulation begins, or is over. For where Node announces late. */
  noteTurn(isBegin: boolean): void {
    this.#mark(this.#running?.process, isBegin);
  }

  /** Whether what Node announces late comes from a turn of the simulation. */
  get isWithinTurn(): boolean {
    return this.#announced?.isWithinTurn === true;
  }

  get isEmpty(): boolean {
    return this.#errors.size === 0;
  }

  /** It was dealt with. */
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

  /** Empty if that is known by the event that fires. */
  #whose(): Partial<Pick<UncaughtError, 'process' | 'wasAlive'>> {
    if (this.#announced === undefined) return {};
    const { process, wasAlive = process?.parts.isAlive ?? true } = this.#announced;
    return process === undefined && !this.#isLate ? {} : { process, wasAlive };
  }

  /** The first that nothing can catch any more if the next event is due at `nextMs`. */
  first(nextMs: number): UncaughtError | undefined {
    for (const error of this.#errors.values()) {
      if (error.what === 'uncaught exception' || error.atMs < nextMs) return error;
    }
    return undefined;
  }
}
