/** Uniform random walk: every interleaving with the same probability. */
import type { DueEvents } from '../../kernel/decisions.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { Question } from '../../kernel/question.ts';
import { DrawStream } from './draw-stream.ts';
import type { Strategy } from './strategy.ts';
import { ValuePolicy } from './value-policy.ts';
import { WalkFutures } from './walk-futures.ts';

class WalkStrategy implements Strategy {
  readonly name = 'walk';
  readonly #values: ValuePolicy;
  readonly #draws: DrawStream;
  readonly #futures = new WalkFutures();
  readonly #sizes: number[] = [];

  constructor(seed: string | number) {
    this.#values = new ValuePolicy(seed);
    this.#draws = new DrawStream(seed, 'walk');
  }

  get configuration(): string {
    return this.#values.configuration;
  }

  begin(index: number): boolean {
    this.#values.begin(index);
    this.#draws.restart(index);
    this.#futures.clear();
    return true;
  }

  decide(question: Question, n: number, occurrence: number): number {
    return this.#values.decide(question, n, occurrence);
  }

  order(_question: Question, due: DueEvents): number {
    const { count } = due;
    const sizes = this.#sizes;
    let left = 0;
    for (let k = 0; k < count; k++) {
      const size = this.#futures.sizeOf(due.idOf(k), due.causeOf(k), due.textOf(k));
      sizes[k] = size;
      left += size;
    }
    left *= this.#draws.fraction();
    for (let k = 0; k < count - 1; k++) {
      left -= sizes[k] as number;
      if (left < 0) return k;
    }
    return count - 1;
  }

  onFire(event: EventInfo, made: number): void {
    this.#futures.fire(event, made);
  }

  end(): void {
    this.#futures.learn();
  }
}

/**
 * The uniform random walk: each interleaving of the events of an instant is equally likely, where choosing uniformly at each step
 * prefers those in which short chains end early. Events form a forest, each below the one that made it, and choosing each time with
 * weight in proportion to what still depends on an event draws their orders uniformly (the hook length formula: Knuth, The Art of
 * Computer Programming 3, 5.1.4, exercise 20). The weights are learned from the executions before, so that an execution depends on
 * seed, index and those; the first one is a plain random walk. As in shuttle's `UrwScheduler`. Everything but order is answered
 * as stratified, or for one in three from the 17th execution on as swarm.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, walkStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'long-first',
 *   description: 'a chain of six events never ends before one that stands alone begins',
 *   async run(sim) {
 *     let done = 0;
 *     const step = (): void => void ((done += 1) < 6 && sim.world.clock.post('chain', step));
 *     sim.world.clock.post('chain', step);
 *     sim.world.clock.post('alone', () => sim.check(done < 6, 'the chain has ended'));
 *     await sim.sleep(1);
 *   },
 * });
 * const { executions } = await explore(createExecutor(scenario), walkStrategy(1), { maxExecutions: 100 });
 * if (executions === 100) throw new Error('one in seven interleavings, not one in 64');
 * ```
 */
export function walkStrategy(seed: string | number = 1): Strategy {
  return new WalkStrategy(seed);
}
