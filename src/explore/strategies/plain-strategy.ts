/** The plain schedule: first in order, no fault, least delay. Many bugs need no luck, and it is the one that is easiest to read. */
import type { Strategy } from './strategy.ts';

class PlainStrategy implements Strategy {
  readonly name = 'plain';
  #isDone = false;

  begin(): boolean {
    if (this.#isDone) return false;
    this.#isDone = true;
    return true;
  }

  decide(): number {
    return 0;
  }

  end(): void {}
}

/**
 * Runs the plain schedule once and has nothing else to try.
 *
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, plainStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({ name: 'nap', description: 'one second passes', run: (sim) => sim.sleep(1_000) });
 * const { stoppedBy, executions } = await explore(createExecutor(scenario), plainStrategy());
 * if (stoppedBy !== 'exhausted' || executions !== 1) throw new Error('one execution');
 * ```
 */
export function plainStrategy(): Strategy {
  return new PlainStrategy();
}
