/** Partial order sampling. */
import type { DueEvents } from '../../kernel/decisions.ts';
import { textWords } from '../../kernel/text-words.ts';
import type { Question, Topic } from '../../kernel/question.ts';
import { EventNumbers } from './event-numbers.ts';
import { HighestDue, type PriorityHeap } from './highest-due.ts';
import type { Strategy } from './strategy.ts';
import { OrderStrategy } from './value-policy.ts';

/** Stands for an event that names no subject and may be about anything. */
const ANYTHING = 0;

/** If many events race with the chosen one, only this many draw again. */
const RACERS_MAX = 4;

/** Due events by subject, for drawing those that race. Events that have fired are removed when they are found. */
class DueSubjects {
  readonly #bySubject = new Map<number, number[]>();
  readonly #subjects = new EventNumbers();

  clear(): void {
    this.#bySubject.clear();
    this.#subjects.clear();
  }

  add(id: number, subject: number): void {
    this.#subjects.set(id, subject);
    const ids = this.#bySubject.get(subject);
    if (ids === undefined) this.#bySubject.set(subject, Array.of(id));
    else ids.push(id);
  }

  /** The events that race with an event, except those without a subject, which race with everything. */
  racersOf(id: number): readonly number[][] {
    const subject = this.#subjects.get(id);
    const own = this.#bySubject.get(subject) ?? [];
    return subject === ANYTHING ? [own] : [own, this.#bySubject.get(ANYTHING) ?? []];
  }

  isAnything(id: number): boolean {
    return this.#subjects.get(id) === ANYTHING;
  }
}

class PosStrategy extends OrderStrategy {
  readonly #priorities = new EventNumbers();
  /** Filled while the events are in a heap. */
  readonly #subjects = new DueSubjects();
  readonly #highest = new HighestDue(
    (id, due, k) => this.#priorityOf(id, due, k),
    () => this.#subjects.clear(),
  );

  protected restart(): void {
    this.#priorities.clear();
    this.#highest.clear();
  }

  order(_question: Question, due: DueEvents): number {
    const best = this.#highest.find(due);
    const { heap } = this.#highest;
    if (heap === undefined) this.#reassign(due, best);
    else this.#reassignSome(due.idOf(best), heap);
    return best;
  }

  end(): void {}

  #priorityOf(id: number, due: DueEvents, k: number): number {
    const known = this.#priorities.get(id);
    if (this.#highest.heap !== undefined) this.#subjects.add(id, subjectOf(due.topicOf(k)));
    return known === 0 ? this.#draw(id) : known;
  }

  #draw(id: number): number {
    const priority = 1 + (this.draws.word() >>> 2);
    this.#priorities.set(id, priority);
    return priority;
  }

  /**
   * Gives new priorities to events that race with the chosen one, so that losing once does not affect the next race.
   */
  #reassign(due: DueEvents, chosen: number): void {
    const subject = subjectOf(due.topicOf(chosen));
    for (let k = 0; k < due.count; k++) {
      if (k === chosen) continue;
      const other = subjectOf(due.topicOf(k));
      if (subject === ANYTHING || other === ANYTHING || other === subject) this.#draw(due.idOf(k));
    }
  }

  /** The same with many due events: only a few of the racing ones draw again, to bound the cost of a decision. */
  #reassignSome(chosen: number, heap: PriorityHeap): void {
    heap.remove(chosen);
    if (this.#subjects.isAnything(chosen)) {
      for (let i = Math.min(RACERS_MAX, heap.size); i > 0; i -= 1) {
        const id = heap.at(this.draws.below(heap.size));
        heap.set(id, this.#draw(id));
      }
      return;
    }
    for (const racers of this.#subjects.racersOf(chosen)) {
      const isAll = racers.length <= RACERS_MAX;
      for (let i = Math.min(racers.length, RACERS_MAX) - 1; i >= 0; i -= 1) {
        const at = isAll ? i : this.draws.below(racers.length);
        const id = racers[at] as number;
        if (heap.has(id)) heap.set(id, this.#draw(id));
        else {
          racers[at] = racers.at(-1) as number;
          racers.pop();
        }
      }
    }
  }
}

function subjectOf({ about }: Topic): number {
  return about === '' ? ANYTHING : textWords(about).high | 1;
}

/**
 * POS (Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling, CAV 2018): each pending event has a random priority,
 * the highest of those due fires first, and events that race with it draw again. Two events race if they have the same
 * subject, such as `run/3`, or if one of them has none. Everything but order is answered as by {@link pctStrategy}. A
 * pure function of seed and index.
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
