/**
 * Bounds the events of each execution of a campaign: few at first, so that the next execution gets its turn, and a
 * multiple of what others needed once some have ended. Invariants: a bound set by the scenario is the only one; an
 * execution stopped by a budget before any other has ended proves nothing yet, so it is run again with a larger budget
 * later, or reported as cut off.
 */
import type { Decision } from '../kernel/decisions.ts';
import { keyedReplayDecisions } from '../kernel/replay-decisions.ts';
import { STALL_EVENTS_LEAST } from '../simulation/stall-watch.ts';
import type { Verdict } from '../simulation/verdict.ts';
import type { CorpusEntry } from './campaign-report.ts';
import { executorWith, type ExecutionRequest, type Executor } from './executor.ts';

/**
 * The bound for an execution before any other has ended. Large enough to detect a stall, which would otherwise end for
 * lack of events.
 */
export const EVENTS_MIN: number = Math.max(250_000, 2 * STALL_EVENTS_LEAST);
const EVENTS_MAX = 10_000_000;
/** How many times the events of the longest execution so far another may take. */
const FACTOR = 20;
/** Factor by which the budget grows while no execution has ended. */
const GROWTH = 4;

/** The bound for an execution once others have ended, the longest of them after so many events. */
export function budgetAfter(endedAfter: number): number {
  return Math.min(EVENTS_MAX, Math.max(EVENTS_MIN, FACTOR * endedAfter));
}

/** Where an execution of a campaign comes from. */
export interface ExecutionOrigin {
  readonly index: number;
  /** The corpus entry, if it runs a kept log again. */
  readonly entry?: CorpusEntry;
  /** What the strategy said of it, before it began others. */
  readonly configuration?: string;
}

/** Runs an execution once more, and shows meanwhile which one it is. */
export type Rerun = (origin: ExecutionOrigin, run: () => Promise<Verdict>) => Promise<Verdict>;

/** An execution that was stopped before it was known whether it would end. */
interface Undecided extends ExecutionOrigin {
  readonly maxEvents: number;
  readonly verdict: Verdict;
}

/** Options of {@link EventBudget}. */
export interface EventBudgetOptions {
  /** False for a strategy that must see each execution to its end. */
  readonly adapts: boolean;
  /** Called with the result of an execution that was undecided. */
  readonly onDecided: (verdict: Verdict, origin: ExecutionOrigin) => void;
  readonly rerun: Rerun;
}

/** An executor that bounds the events of its executions. */
export class EventBudget implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #options: EventBudgetOptions;
  #maxEvents: number;
  /** The most events of an execution that ended; 0 before the first. */
  #endedAfter = 0;
  #reached: { readonly verdict: Verdict; readonly maxEvents: number } | undefined;
  #undecided: Undecided[] = [];

  constructor(executor: Executor, options: EventBudgetOptions) {
    this.scenario = executor.scenario;
    this.#executor = executor;
    this.#options = options;
    this.#maxEvents = options.adapts ? EVENTS_MIN : EVENTS_MAX;
  }

  async execute(request: ExecutionRequest): Promise<Verdict> {
    if (this.#endedAfter > 0 && this.#undecided.length > 0) await this.#decide(request, this.#maxEvents);
    const maxEvents = this.#maxEvents;
    const verdict = await this.#executor.execute({ ...request, defaultMaxEvents: maxEvents });
    this.#reached = undefined;
    if (verdict.failure?.kind !== 'budget') this.#noteEnd(verdict);
    else if (this.#endedAfter === 0 && verdict.firedEvents === maxEvents && maxEvents < EVENTS_MAX) {
      this.#reached = { verdict, maxEvents };
      this.#maxEvents = Math.min(EVENTS_MAX, maxEvents * GROWTH);
    }
    return verdict;
  }

  /** Keeps an execution that was stopped by a budget which proves nothing yet, and asks for its origin; true if it was kept. */
  keepsUndecided(verdict: Verdict, origin: () => ExecutionOrigin): boolean {
    const reached = this.#reached;
    if (reached?.verdict !== verdict) return false;
    this.#undecided.push({ ...reached, ...origin() });
    return true;
  }

  /** Runs the undecided executions with the full budget; returns those for which there was no time. */
  async finish(
    request: Omit<ExecutionRequest, 'source'>,
    mustStop: () => boolean,
  ): Promise<readonly (ExecutionOrigin & { readonly verdict: Verdict })[]> {
    if (!mustStop()) await this.#decide(request, EVENTS_MAX);
    return this.#undecided;
  }

  #noteEnd({ firedEvents, failure }: Verdict): void {
    if (!this.#options.adapts || failure?.kind === 'interrupted') return;
    this.#endedAfter = Math.max(this.#endedAfter, firedEvents, 1);
    this.#maxEvents = budgetAfter(this.#endedAfter);
  }

  async #decide({ onTurn }: Omit<ExecutionRequest, 'source'>, maxEvents: number): Promise<void> {
    const undecided = this.#undecided;
    this.#undecided = [];
    for (const [at, one] of undecided.entries()) {
      const verdict =
        one.maxEvents >= maxEvents
          ? one.verdict
          : await this.#options.rerun(one, () => this.#again(one.verdict.decisions(), maxEvents, onTurn));
      if (verdict.failure?.kind === 'interrupted') {
        this.#undecided = undecided.slice(at);
        return;
      }
      this.#options.onDecided(verdict, one);
    }
  }

  /** Repeats an undecided execution as far as it went, then continues with default answers. */
  #again(
    decisions: readonly Decision[],
    maxEvents: number,
    onTurn: (() => void) | undefined,
  ): Promise<Verdict> {
    return this.#executor.execute({
      source: keyedReplayDecisions(decisions),
      defaultMaxEvents: maxEvents,
      omitStacks: true,
      ...(onTurn === undefined ? {} : { onTurn }),
    });
  }
}

/** Limits the events of each execution, unless the scenario sets a bound of its own; with `isHard` also then. */
export function withinEvents(executor: Executor, maxEvents: number | undefined, isHard = false): Executor {
  if (maxEvents === undefined) return executor;
  const bounds = { defaultMaxEvents: maxEvents, ...(isHard ? { hardMaxEvents: maxEvents } : {}) };
  return executorWith(executor, bounds);
}
