/**
 * Takes the errors of code that uses an execution of a `simTest` after its end, while later executions of the same test
 * run. Invariant: such an error fails that test, even if the code catches it, and nothing is explained by the execution
 * that ran when it came; the errors of any other test go on to Vitest.
 */
import { onProcessEvents } from '../kernel/drain-host.ts';
import type { RunnerError } from '../kernel/errors.ts';
import { onLateUse, ownerOfLateUse } from '../simulation/late-use.ts';

/** See the top of the file. */
export class LateErrors {
  readonly #scenario: unknown;
  readonly #stops: readonly (() => void)[];
  #first: RunnerError | undefined;

  /** `scenario` is the function that each execution of the test runs. */
  constructor(scenario: unknown) {
    this.#scenario = scenario;
    const take = (reason: unknown): boolean => this.#take(reason);
    this.#stops = [
      onLateUse((error) => void this.#take(error)),
      onProcessEvents({ unhandledRejection: take, uncaughtException: take }),
    ];
  }

  /** The first one. */
  get first(): RunnerError | undefined {
    return this.#first;
  }

  /** Undefined if `finding` rejects with the first one. */
  orFirst<T>(finding: Promise<T>): Promise<T | undefined> {
    return finding.catch((error: unknown) => {
      if (error !== this.#first) throw error;
      return undefined;
    });
  }

  end(): void {
    for (const stop of this.#stops) stop();
  }

  #take(reason: unknown): boolean {
    if (ownerOfLateUse(reason)?.scenario !== this.#scenario) return false;
    this.#first ??= reason as RunnerError;
    return true;
  }
}
