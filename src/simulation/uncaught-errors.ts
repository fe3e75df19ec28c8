/**
 * What code of a simulation in ambient time leaves uncaught: rejections that nobody handles, and what a `process.nextTick` or
 * `queueMicrotask` throws. Node would end the process, and a test runner would blame whatever test is on; here it fails the simulation.
 * A rejection that is handled before virtual time goes on is none.
 */
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

/** What was left uncaught and is not yet judged. */
export class UncaughtErrors {
  /** Of promises, and of exceptions by themselves. */
  readonly #errors = new Map<unknown, UncaughtError>();
  /** Ends the watch. */
  readonly end: () => void;

  /** `isOfRun` says whether what Node announces now comes from the simulation, `now` gives virtual time, and whose code runs. */
  constructor(
    isOfRun: (what: UncaughtError['what']) => boolean,
    now: () => Pick<UncaughtError, 'atMs' | 'process' | 'wasAlive'>,
  ) {
    const note = (what: UncaughtError['what'], key: unknown, reason: unknown): boolean => {
      if (!isOfRun(what)) return false;
      this.#errors.set(key, { what, reason, ...now() });
      return true;
    };
    this.end = onProcessEvents({
      unhandledRejection: (reason, promise) => note('unhandled rejection', promise, reason),
      uncaughtException: (reason) => note('uncaught exception', {}, reason),
      rejectionHandled: (promise) => this.#errors.delete(promise),
    });
  }

  get isEmpty(): boolean {
    return this.#errors.size === 0;
  }

  /** It was dealt with. */
  forget(error: UncaughtError): void {
    for (const [key, other] of this.#errors) if (other === error) this.#errors.delete(key);
  }

  /** The first that nothing can catch any more if the next event is due at `nextMs`. */
  first(nextMs: number): UncaughtError | undefined {
    for (const error of this.#errors.values()) {
      if (error.what === 'uncaught exception' || error.atMs < nextMs) return error;
    }
    return undefined;
  }
}
