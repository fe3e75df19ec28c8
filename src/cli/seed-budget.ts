/**
 * How many events each of several seeds may take, so that the next one gets its turn if one goes on forever. Invariants:
 * seeds are decided in their order; one that was stopped before any other had ended proves nothing yet, so it is run
 * again with a larger budget.
 */
import { budgetAfter, EVENTS_MIN } from '../explore/event-budget.ts';
import type { Verdict } from '../simulation/verdict.ts';

/** The verdict on a seed, and how long it took in all. */
export interface RunSeed {
  readonly verdict: Verdict;
  readonly realMs: number;
}

interface Held extends RunSeed {
  readonly seed: string;
  /** The bound that it has reached; undefined if it is decided. */
  readonly bound: number | undefined;
}

/** Runs a seed with at most so many events; without a bound, with the default of a simulation. */
export type SeedRunner = (seed: string, maxEvents?: number) => Promise<RunSeed>;

/** See the top of the file. */
export class SeedBudget {
  readonly #runSeed: SeedRunner;
  readonly #adapts: boolean;
  /** The most events of a seed that ended; 0 before the first. */
  #endedAfter = 0;
  /** In their order. */
  readonly #held: Held[] = [];

  /** `adapts` is false if there is but one seed, or if the scenario states its own limit. */
  constructor(runSeed: SeedRunner, adapts: boolean) {
    this.#runSeed = runSeed;
    this.#adapts = adapts;
  }

  /** Runs the seed. */
  async run(seed: string): Promise<void> {
    const bound = this.#adapts ? this.#bound : undefined;
    const run = await this.#bounded(seed, bound);
    // Once a seed has ended, also one that has reached its bound is decided.
    this.#held.push({ ...run, seed, bound: this.#endedAfter > 0 ? undefined : bound });
  }

  /** Runs a seed, and notes how long it was if it has ended. */
  async #bounded(seed: string, bound: number | undefined): Promise<RunSeed> {
    const run = await this.#runSeed(seed, bound);
    const { failure, firedEvents } = run.verdict;
    if (failure?.kind !== 'budget') this.#endedAfter = Math.max(this.#endedAfter, firedEvents, 1);
    return run;
  }

  get #bound(): number {
    return this.#endedAfter === 0 ? EVENTS_MIN : budgetAfter(this.#endedAfter);
  }

  /**
   * The verdict on the next seed in order; undefined if that is not known yet. With `isLast`, no other seed will be run.
   */
  async next(isLast: boolean): Promise<RunSeed | undefined> {
    const [first] = this.#held;
    if (first === undefined || (first.bound !== undefined && this.#endedAfter === 0 && !isLast)) {
      return undefined;
    }
    this.#held.shift();
    const { seed, bound, verdict, realMs } = first;
    if (bound === undefined) return { verdict, realMs };
    const larger = this.#endedAfter === 0 ? undefined : budgetAfter(this.#endedAfter);
    if (larger === bound) return { verdict, realMs };
    const again = await this.#bounded(seed, larger);
    return { verdict: again.verdict, realMs: realMs + again.realMs };
  }
}
