/**
 * How many events an execution of a campaign may take: little at first, so that the next one gets its turn, and a multiple of what others
 * took once some have ended. Invariants: a bound that the scenario states is the only one; what comes to a budget before any execution has
 * ended shows nothing yet, and is run again with more once one has, or reported as cut off.
 */
import type { Decision } from '../kernel/decisions.ts';
import { keyedReplayDecisions } from '../kernel/replay-decisions.ts';
import { STALL_EVENTS_LEAST } from '../simulation/stall-watch.ts';
import type { Verdict } from '../simulation/verdict.ts';
import type { CorpusEntry } from './campaign-report.ts';
import { executorWith, type ExecutionRequest, type Executor } from './executor.ts';

/** Enough to find a stall in, else it would end for lack of events. */
const EVENTS_MIN = Math.max(250_000, 2 * STALL_EVENTS_LEAST);
const EVENTS_MAX = 10_000_000;
/** How many times as much as any before it an execution may take. */
const FACTOR = 20;
/** While none has ended, the next may take more. */
const GROWTH = 4;

/** Which execution of a campaign it is. */
export interface ExecutionOrigin {
  readonly index: number;
  /** Of one that runs a kept log again. */
  readonly entry?: CorpusEntry;
}

/** An execution of which nobody knows yet whether it would have ended. */
interface Undecided extends ExecutionOrigin {
  readonly maxEvents: number;
  readonly verdict: Verdict;
}

/** What {@link EventBudget} takes. */
export interface EventBudgetOptions {
  /** False for a strategy that must see each execution to its end. */
  readonly adapts: boolean;
  /** Called with the outcome of an execution that was undecided. */
  readonly onDecided: (verdict: Verdict, origin: ExecutionOrigin) => void;
}

/** An executor with a budget. */
export class EventBudget implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #options: EventBudgetOptions;
  #maxEvents: number;
  /** The most that an execution took which has ended; 0 before. */
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

  /** True if the execution came to a budget that shows nothing yet; it is then kept. */
  keepsUndecided(verdict: Verdict, origin: ExecutionOrigin): boolean {
    const reached = this.#reached;
    if (reached?.verdict !== verdict) return false;
    this.#undecided.push({ ...reached, ...origin });
    return true;
  }

  /** Runs what is undecided with all that an execution may take; gives those that there is no time for. */
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
    this.#maxEvents = Math.min(EVENTS_MAX, Math.max(EVENTS_MIN, FACTOR * this.#endedAfter));
  }

  async #decide({ onTurn }: Omit<ExecutionRequest, 'source'>, maxEvents: number): Promise<void> {
    const undecided = this.#undecided;
    this.#undecided = [];
    for (const [at, one] of undecided.entries()) {
      const verdict =
        one.maxEvents >= maxEvents
          ? one.verdict
          : await this.#again(one.verdict.decisions(), maxEvents, onTurn);
      if (verdict.failure?.kind === 'interrupted') {
        this.#undecided = undecided.slice(at);
        return;
      }
      this.#options.onDecided(verdict, one);
    }
  }

  /** The same as far as it came, and then the plain answers. */
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

/** An executor whose executions take so many events at most, unless the scenario states another bound; if `isHard`, also then. */
export function withinEvents(executor: Executor, maxEvents: number | undefined, isHard = false): Executor {
  if (maxEvents === undefined) return executor;
  const bounds = { defaultMaxEvents: maxEvents, ...(isHard ? { hardMaxEvents: maxEvents } : {}) };
  return executorWith(executor, bounds);
}
