// Explores a scenario with fast-check alone: its scheduler answers which of the events that are due fires first, its arbitraries answer
// everything else, and its own loop counts the runs. Invariant: unless it is lent the clock of the simulation, nothing of it is said to have been
// explored once virtual time has passed, because fast-check's scheduler orders promises and knows no time.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Executor } from '../../src/explore/executor.ts';
import type { DecisionSource, DueEvents } from '../../src/kernel/decisions.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';
import type { Question } from '../../src/kernel/question.ts';

/** What a hunt with fast-check came to; `cannot` if time passes in the scenario. */
export type FastCheckHunt =
  | { readonly type: 'found' | 'missed'; readonly executions: number; readonly sentence: string }
  | { readonly type: 'cannot' };

class TimePassed extends Error {
  override readonly name = 'TimePassed';
}

/** Gives each due event to the scheduler as one task, once, and lets it say which is next. */
class SchedulerDecisions implements DecisionSource {
  readonly #scheduler: fc.Scheduler;
  readonly #draw: fc.GeneratorValue;
  /** Ids of the events that the scheduler holds as tasks. */
  readonly #held = new Set<number>();
  #taken = 0;

  constructor(scheduler: fc.Scheduler, draw: fc.GeneratorValue) {
    this.#scheduler = scheduler;
    this.#draw = draw;
  }

  decide(_question: Question, n: number): number {
    return this.#draw(fc.nat, n - 1);
  }

  order(_question: Question, due: DueEvents): number {
    const places = new Map(Array.from({ length: due.count }, (_, k) => [due.idOf(k), k]));
    for (const [id, k] of places) this.#hold(id, due.textOf(k));
    for (;;) {
      const place = places.get(this.#take());
      // What is held and not due any more was cancelled, or fired when nothing else was due.
      if (place !== undefined) return place;
    }
  }

  #hold(id: number, label: string): void {
    if (this.#held.has(id)) return;
    this.#held.add(id);
    const note = (trigger: () => Promise<void>): Promise<void> => {
      this.#taken = id;
      return trigger();
    };
    void this.#scheduler.schedule(Promise.resolve(), label, undefined, note);
  }

  #take(): number {
    // The scheduler chooses before it waits for anything.
    void this.#scheduler.waitOne();
    this.#held.delete(this.#taken);
    return this.#taken;
  }
}

async function check(executor: Executor, source: DecisionSource, mayTimePass: boolean): Promise<void> {
  const { virtualMs, failure }: Verdict = await executor.execute({ source, omitStacks: true });
  if (virtualMs > 0 && !mayTimePass) throw new TimePassed();
  if (failure !== undefined) throw new Error(failure.message);
}

/** How much to try; the seed is any text. */
export interface FastCheckPlan {
  readonly seed: string;
  readonly executions: number;
  readonly timeMs: number;
  /** The clock is that of the simulation: what fast-check orders is due together. Default: a scenario in which time passes cannot be hunted. */
  readonly inVirtualTime?: boolean;
}

/** Runs a scenario until it fails, or so many times, as a property of fast-check. */
export async function huntWithFastCheck(executor: Executor, plan: FastCheckPlan): Promise<FastCheckHunt> {
  const property = fc.asyncProperty(fc.scheduler(), fc.gen(), (scheduler, draw) =>
    check(executor, new SchedulerDecisions(scheduler, draw), plan.inVirtualTime === true),
  );
  const details = await fc.check(property, {
    // It takes integers of 32 bits.
    seed: createHash('sha256').update(plan.seed).digest().readInt32BE(),
    numRuns: plan.executions,
    endOnFailure: true,
    interruptAfterTimeLimit: plan.timeMs,
  });
  const { errorInstance: error, numRuns: executions } = details;
  if (error instanceof TimePassed) return { type: 'cannot' };
  if (!(error instanceof Error)) return { type: 'missed', executions, sentence: '' };
  return { type: 'found', executions, sentence: error.message };
}
