/** Partial order sampling. */
import type { DueEvents } from '../../kernel/decisions.ts';
import { textWords } from '../../kernel/text-words.ts';
import type { Question, Topic } from '../../kernel/question.ts';
import { EventNumbers } from './event-numbers.ts';
import type { Strategy } from './strategy.ts';
import { OrderStrategy } from './value-policy.ts';

/** Stands for whatever names no subject and may be about anything. */
const ANYTHING = 0;

class PosStrategy extends OrderStrategy {
  readonly #priorities = new EventNumbers();

  protected restart(): void {
    this.#priorities.clear();
  }

  order(_question: Question, due: DueEvents): number {
    const { count } = due;
    let best = 0;
    let bestPriority = 0;
    for (let k = 0; k < count; k++) {
      const priority = this.#priorityOf(due.idOf(k));
      if (priority <= bestPriority) continue;
      best = k;
      bestPriority = priority;
    }
    this.#reassign(due, best);
    return best;
  }

  end(): void {}

  #priorityOf(id: number): number {
    const known = this.#priorities.get(id);
    return known === 0 ? this.#draw(id) : known;
  }

  #draw(id: number): number {
    const priority = 1 + (this.draws.word() >>> 2);
    this.#priorities.set(id, priority);
    return priority;
  }

  /** Those that race with the chosen one get new priorities, so that losing once says nothing about the next race. */
  #reassign(due: DueEvents, chosen: number): void {
    const subject = subjectOf(due.topicOf(chosen));
    for (let k = 0; k < due.count; k++) {
      if (k === chosen) continue;
      const other = subjectOf(due.topicOf(k));
      if (subject === ANYTHING || other === ANYTHING || other === subject) this.#draw(due.idOf(k));
    }
  }
}

function subjectOf({ about }: Topic): number {
  return about === '' ? ANYTHING : textWords(about).high | 1;
}

/**
 * POS (Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling, CAV 2018): each pending event has a random priority, the highest of
 * those that are due fires first, and those that race with it draw anew. Two events race if they are about the same subject, such
 * as `run/3`, or if one of them has none. Everything but order is answered as stratified, or for one in three from the 17th
 * execution on as swarm. A pure function of seed and index.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, posStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'backwards',
 *   description: 'four events are never in reverse',
 *   async run(sim) {
 *     let order = '';
 *     for (const subject of ['a', 'b', 'c', 'd']) {
 *       sim.world.clock.post({ subject, what: 'comes' }, () => (order += subject));
 *     }
 *     await sim.sleep(1);
 *     sim.check(order !== 'dcba', 'backwards');
 *   },
 * });
 * const { failures } = await explore(createExecutor(scenario), posStrategy(1), { maxExecutions: 500 });
 * if (failures !== 1) throw new Error('expected it to be found');
 * ```
 */
export function posStrategy(seed: string | number = 1): Strategy {
  return new PosStrategy('pos', seed);
}
