/**
 * What a simulation has thrown into code under test after it had noted the failure. Invariant: no such error counts as an unhandled
 * rejection, whatever promise of the scenario it ends in; the verdict has it.
 */
import type { Drain } from '../kernel/drain-run.ts';
import { withholdRejections } from '../kernel/drain-host.ts';
import { EventuallyFailedError } from './watched-properties.ts';

/** The errors of one simulation. */
export class NotedErrors {
  readonly #errors = new Set<unknown>();
  #release: (() => void) | undefined;

  add(error: unknown): void {
    this.#errors.add(error);
    this.#release ??= withholdRejections(
      (reason) => this.#errors.has(reason) || reason instanceof EventuallyFailedError,
    );
  }

  /** Ends the watch once the rejections that there are were announced, which is at the end of a turn at the latest. */
  async end(drain: Drain): Promise<void> {
    if (this.#release === undefined) return;
    await drain.run(() => 'stop');
    this.#release();
  }
}
