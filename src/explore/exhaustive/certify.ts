/** Explores a scenario exhaustively, from the first execution to the certificate. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import type { ScenarioDefinition } from '../../simulation/scenario.ts';
import { BOUND_FIELDS, type Certificate, type SearchBounds } from './certificate.ts';
import { createExecutor } from '../executor.ts';
import { exhaustiveStrategy } from './exhaustive-strategy.ts';
import { explore, type ExploreOptions } from '../explorer.ts';

/** Options of {@link certify}: bounds and callbacks. */
export interface CertifyOptions<Input>
  extends SearchBounds, Pick<ExploreOptions, 'shouldStop' | 'onExecution'> {
  /** The result of the scenario's `prepare`. */
  readonly input?: Input;
  /** Called for every schedule that fails; returns whether to continue. Default: continue. */
  readonly onFailure?: ExploreOptions['onFailure'];
}

const CERTIFY_OPTIONS = is.optionsOf<CertifyOptions<unknown>>(
  {},
  { ...BOUND_FIELDS, ...is.each(['shouldStop', 'onExecution', 'onFailure'], is.FUNCTION), input: is.ANY },
);

/**
 * Runs all distinct schedules of a scenario within the bounds.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) unless `scenario` is a scenario, or for a bound that
 * is not an integer ≥ 0.
 * @example
 * ```ts
 * import { createSimulatedRunner, defineScenario } from 'dryrunner';
 * import { certify } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'two-at-once',
 *   description: 'two runners work side by side and do not meet',
 *   async run(sim) {
 *     const runners = ['a', 'b'].map((name) => createSimulatedRunner(sim.world, { name }));
 *     await Promise.all(runners.map((runner) => runner.run({ argv: ['sleep 10'] })));
 *     await sim.sleep(20);
 *     await Promise.all(runners.map((runner) => runner.release()));
 *   },
 * });
 * const { complete, schedules } = await certify(scenario);
 * if (!complete || schedules !== 1) throw new Error('which one starts first makes no difference');
 * ```
 */
export async function certify<Input>(
  scenario: ScenarioDefinition<Input>,
  options: CertifyOptions<Input> = {},
): Promise<Certificate> {
  check('options', options, CERTIFY_OPTIONS);
  const { input, shouldStop, onExecution, onFailure = () => true, ...bounds } = options;
  const executor = createExecutor(scenario, input);
  const strategy = exhaustiveStrategy(scenario, bounds);
  await explore(executor, strategy, {
    onFailure,
    ...(shouldStop === undefined ? {} : { shouldStop }),
    ...(onExecution === undefined ? {} : { onExecution }),
  });
  return strategy.certificate();
}
