/**
 * Runs the executions among which a failure is looked for. Invariants: none begins after an error of one that has
 * ended, except to run one that failed again; what is noted of one that holds is noted without a promise turn more,
 * because the state of `expect` is cleared when the next one begins.
 */
import type { ExecutionRequest, Executor } from '../../explore/executor.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { LateErrors } from '../late-errors.ts';
import type { TestSnapshots } from '../test-run.ts';
import type { FailedExecutions } from './failed-executions.ts';
import type { HeldExecutions } from './held-executions.ts';

/** What a search keeps of its executions. */
export interface SearchNotes {
  readonly late: LateErrors;
  readonly held: HeldExecutions;
  readonly failed: FailedExecutions;
  /** Compared between the executions that hold; undefined if there are none. */
  readonly snapshots: TestSnapshots | undefined;
}

/** See the top of the file. */
export class SearchExecutor implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #seed: string;
  readonly #notes: SearchNotes;
  #hasFailed = false;

  /** `seed` is that of `world.random` in all its executions. */
  constructor(executor: Executor, seed: string, notes: SearchNotes) {
    this.scenario = executor.scenario;
    this.#executor = executor;
    this.#seed = seed;
    this.#notes = notes;
  }

  execute(request: ExecutionRequest): Promise<Verdict> {
    const { first } = this.#notes.late;
    if (first !== undefined && !this.#hasFailed) return Promise.reject(first);
    const running = this.#executor.execute(request);
    running.then(
      (verdict) => {
        if (verdict.held) this.#noteHeld(verdict);
        else {
          this.#hasFailed = true;
          this.#notes.failed.note(verdict);
        }
      },
      () => undefined,
    );
    return running;
  }

  #noteHeld(verdict: Verdict): void {
    const { held, snapshots } = this.#notes;
    held.note(this.#seed, verdict);
    snapshots?.compare(() => verdict.decisions());
  }
}
