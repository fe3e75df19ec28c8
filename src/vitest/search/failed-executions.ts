/**
 * Executions of a test that failed, with what was thrown in them. Run again, one may fail differently, if state of
 * earlier executions is left.
 */
import type { FailingExecution } from '../../explore/failing-execution.ts';
import type { Verdict } from '../../simulation/verdict.ts';

/** The first ones are kept: a search ends soon after one that is reported. */
const KEPT_MAX = 64;

/** See the top of the file. */
export class FailedExecutions {
  readonly #kept: Verdict[] = [];

  note(verdict: Verdict): void {
    if (this.#kept.length < KEPT_MAX) this.#kept.push(verdict);
  }

  /** The verdict of that execution, as it was found; undefined if it is not kept. */
  verdictOf({ traceHash, message, firedEvents }: FailingExecution): Verdict | undefined {
    return this.#kept.find(
      (one) =>
        one.traceHash === traceHash && one.firedEvents === firedEvents && one.failure?.message === message,
    );
  }
}
