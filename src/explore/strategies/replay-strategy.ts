/**
 * Strategies that run once: the plain schedule, which is first in order, without faults and with the least delay (many
 * bugs need no luck, and it is the easiest to read); and one log, either strictly entry by entry, or by question and
 * occurrence for a log that may not fit any more.
 */
import * as is from '../../kernel/shape.ts';
import type { Decision, DecisionSource } from '../../kernel/decisions.ts';
import { keyedReplayDecisions, replayDecisions } from '../../kernel/replay-decisions.ts';
import type { Strategy } from './strategy.ts';
import { check } from '../../kernel/argument-check.ts';
import { LOG } from '../argument-shapes.ts';

/** Options of {@link replayStrategy}. */
export interface ReplayOptions {
  /**
   * `strict` fails at the first question that is not the log's next entry. `keyed` looks answers up by question and
   * occurrence, and answers 0 if there is none. Default: `strict`.
   */
  readonly by?: 'strict' | 'keyed';
}

function onceStrategy(name: string, source: DecisionSource, configuration?: string): Strategy {
  let isDone = false;
  return {
    name,
    ...(configuration === undefined ? {} : { configuration }),
    begin() {
      if (isDone) return false;
      isDone = true;
      return true;
    },
    decide: (question, n, occurrence) => source.decide(question, n, occurrence),
    end: () => undefined,
  };
}

const REPLAY_OPTIONS = is.optionsOf<ReplayOptions>({}, { by: is.oneOf('strict', 'keyed') });

/**
 * Runs a log once. With `strict` the execution fails with `RUNNER_REPLAY_DIVERGED` at the first question that does not
 * fit; with `keyed` it always continues.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the log holds something that is not a decision, or `by` is something
 * else.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { question } from 'dryrunner/kernel';
 * import { createExecutor, explore, replayStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'coin',
 *   description: 'never heads',
 *   run: (sim) => sim.check(sim.choose('toss', 2) === 0, 'heads'),
 * });
 * const strategy = replayStrategy([{ question: question('choice', 'toss'), n: 2, answer: 1 }]);
 * const { failures } = await explore(createExecutor(scenario), strategy);
 * if (failures !== 1) throw new Error('the log decides');
 * ```
 */
export function replayStrategy(log: readonly Decision[], options: ReplayOptions = {}): Strategy {
  check('log', log, LOG);
  check('options', options, REPLAY_OPTIONS);
  if (options.by !== 'keyed') {
    return onceStrategy('replay', replayDecisions(log), `strict, ${log.length} decisions`);
  }
  return onceStrategy('replay', keyedReplayDecisions(log), `keyed, ${log.length} decisions`);
}

/**
 * Runs the plain schedule once.
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
  return onceStrategy('plain', { decide: () => 0 });
}
