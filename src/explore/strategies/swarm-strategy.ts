/** Random order under a swarm configuration: the plain form of {@link SwarmPolicy}. */
import type { Question } from '../../kernel/question.ts';
import type { Strategy } from './strategy.ts';
import { SwarmPolicy } from './swarm-policy.ts';

class SwarmStrategy implements Strategy {
  readonly name = 'swarm';
  readonly #policy: SwarmPolicy;

  constructor(seed: string | number) {
    this.#policy = new SwarmPolicy(seed);
  }

  get configuration(): string {
    return this.#policy.configuration;
  }

  begin(index: number): boolean {
    this.#policy.begin(index);
    return true;
  }

  decide(question: Question, n: number, occurrence: number): number {
    return this.#policy.decide(question, n, occurrence);
  }

  end(): void {}
}

/**
 * Swarm testing (Groce, Zhang, Eide, Chen, Regehr: Swarm Testing, ISSTA 2012): each execution has some kinds of faults off and others
 * rare, usual or wild, and its delays off, uniform or extreme; order is uniform, and so is what the scenario draws, but for sites
 * that prefer one answer in half of the executions. `configuration` says
 * what was drawn. A pure function of seed and index.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { question } from 'dryrunner/kernel';
 * import { swarmStrategy } from 'dryrunner/explore';
 * const strategy = swarmStrategy(7);
 * const crash = question('fault', { owner: 'node-1', what: 'crash' });
 * strategy.begin(0);
 * const answers = [0, 1, 2, 3].map((call) => strategy.decide(crash, 8, call));
 * if (answers.some((answer) => answer < 0 || answer > 7)) throw new Error('one of the alternatives');
 * if (strategy.configuration?.includes('crash') !== true) throw new Error('the kind is in the line');
 * ```
 */
export function swarmStrategy(seed: string | number = 1): Strategy {
  return new SwarmStrategy(seed);
}
