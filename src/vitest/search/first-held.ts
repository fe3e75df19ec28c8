/** Compares an execution with itself, run again after a failure, where no campaign does so. */
import { differenceOf, earlyExecution } from '../../explore/campaign-audit.ts';
import type { DecisionSource } from '../../kernel/decisions.ts';
import { replayDecisions } from '../../kernel/replay-decisions.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { FoundExecution, TestRun } from '../test-run.ts';

/**
 * Keeps the first execution that holds, of those that no campaign audits, to compare it with itself after a failure.
 */
export class FirstHeld {
  readonly #run: TestRun;
  #kept: { readonly seed: string; readonly early: ReturnType<typeof earlyExecution> } | undefined;

  #hasBegun = false;

  constructor(run: TestRun) {
    this.#run = run;
  }

  /** False if the time of the test was up before the first turn of the last execution. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  async execute(seed: string, source: DecisionSource): Promise<Verdict> {
    const isFirst = this.#kept === undefined;
    this.#hasBegun = false;
    const onTurn = (): void => {
      this.#hasBegun = true;
    };
    const verdict = await this.#run.executor(seed).execute({ source, keepTrace: isFirst, onTurn });
    if (isFirst && verdict.held) this.#kept = { seed, early: earlyExecution(0, verdict) };
    return verdict;
  }

  /** The failure, with how the first execution differs now from what it was. */
  async compared(found: FoundExecution): Promise<FoundExecution> {
    if (this.#kept === undefined) return found;
    const { seed, early } = this.#kept;
    const source = replayDecisions(early.decisions);
    const again = await this.#run.executor(seed).execute({ source, keepTrace: true });
    const difference = again.failure?.kind === 'interrupted' ? undefined : differenceOf('leak', early, again);
    return difference === undefined ? found : { ...found, difference: { ...difference, seed } };
  }
}
