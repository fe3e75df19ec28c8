/** Creates strategies by the names that people type. Invariant: a strategy's `name` is the name it is created by. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { mutationStrategy } from './mutation-strategy.ts';
import { PCT_FIELDS, pctStrategy, type PctOptions } from './pct-strategy.ts';
import { plainStrategy } from './replay-strategy.ts';
import { portfolioStrategy } from './portfolio.ts';
import { posStrategy } from './pos-strategy.ts';
import { randomStrategy } from './random-strategy.ts';
import type { Strategy } from './strategy.ts';
import { isStrategyName, strategyNames, type StrategyName } from './strategy-names.ts';
import { stratifiedStrategy } from './stratified-strategy.ts';
import { swarmStrategy } from './swarm-strategy.ts';
import { sweepStrategy, type SweepOptions } from './sweep-strategy.ts';
import { walkStrategy } from './walk-strategy.ts';

/** Options of {@link createStrategy}, passed on to the strategies that have them. */
export interface StrategyOptions extends PctOptions, SweepOptions {}

const STRATEGY_OPTIONS = is.optionsOf<StrategyOptions>({}, { ...PCT_FIELDS, pairs: is.COUNT });

const FACTORIES: Readonly<
  Record<StrategyName, (seed: string | number, options: StrategyOptions) => Strategy>
> = {
  portfolio: portfolioStrategy,
  plain: plainStrategy,
  random: randomStrategy,
  stratified: stratifiedStrategy,
  swarm: swarmStrategy,
  pct: pctStrategy,
  pos: posStrategy,
  walk: walkStrategy,
  sweep: (_seed, options) => sweepStrategy(options),
  mutation: mutationStrategy,
};

/**
 * Creates a strategy by its name, with seed 1 by default.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an unknown name, a seed that is neither a text nor a finite number,
 *   or options out of range.
 * @example
 * ```ts
 * import { createStrategy, strategyNames } from 'dryrunner/explore';
 * for (const name of strategyNames) {
 *   if (createStrategy(name, 7).name !== name) throw new Error('each has its own name');
 * }
 * ```
 */
export function createStrategy(
  name: string,
  seed: string | number = 1,
  options: StrategyOptions = {},
): Strategy {
  check('options', options, STRATEGY_OPTIONS);
  if (!isStrategyName(name)) throw invalidArgument('strategy', `one of ${strategyNames.join(', ')}`, name);
  return FACTORIES[name](seed, options);
}
