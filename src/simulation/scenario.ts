/** A named scenario: what the command line runs, and what a file of scenarios exports. */
import * as is from '../kernel/shape.ts';
import type { SimulateOptions } from './simulate-options.ts';
import type { Simulation } from './simulation.ts';
import { check } from '../kernel/argument-check.ts';
import { SIMULATE_OPTIONS } from './simulate.ts';

/**
 * Reads the files that a scenario needs, before any simulation starts. Relative paths are resolved against the folder
 * of the scenario's file; for a shipped scenario, against the folder of this package.
 */
export interface ScenarioFiles {
  /** The bytes of a file, in chunks. */
  read(path: string): AsyncIterable<Uint8Array>;
}

/** A named scenario. `Input` is the result of `prepare`, which runs once for all seeds. */
export interface ScenarioDefinition<Input = unknown> {
  /** Short and stable: it is typed on command lines and appears in traces. */
  readonly name: string;
  /** One line that says what is rehearsed and what must hold. */
  readonly description: string;
  /** Prepares the input; the only part that may read files. */
  prepare?(files: ScenarioFiles): Input | Promise<Input>;
  run(sim: Simulation, input: Input): Promise<void> | void;
  /** Options that differ from the defaults. */
  readonly options?: Pick<SimulateOptions, (typeof OPTIONS)[number]>;
}

/** The names of its options. */
const OPTIONS = ['maxEvents', 'leftovers', 'oracles', 'ambient', 'modules'] as const;

const SCENARIO_OPTIONS = is.closed({
  ...is.objectOf<object>('an object of options', {}, {}),
  fields: new Map([...SIMULATE_OPTIONS.fields].filter(([name]) => OPTIONS.some((one) => one === name))),
});

const SCENARIO: is.RecordShape = {
  ...is.objectOf<ScenarioDefinition>(
    'a scenario definition',
    {
      name: is.text('lower-case letters, digits and dashes', /^[a-z0-9][a-z0-9-]*$/),
      description: is.text('a line of text', /./s),
      run: is.CALLABLE,
    },
    { prepare: is.FUNCTION, options: SCENARIO_OPTIONS },
  ),
  open: 'instances',
  elsewhere: new Map(OPTIONS.map((name) => [name, `options.${name}`])),
};

/**
 * Checks a definition and returns it, typed.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a definition without name, description or run, with wrong options, or
 * with other fields, unless it is an object of a class.
 * @example
 * ```ts
 * import { createSimulatedRunner, defineScenario } from 'dryrunner';
 * export default defineScenario({
 *   name: 'two-runs',
 *   description: 'Two runs on one runner never overlap.',
 *   async run(sim) {
 *     const runner = createSimulatedRunner(sim.world, { capacity: 2 });
 *     await runner.run({ argv: ['sleep 10'] });
 *     await runner.run({ argv: ['sleep 10'] });
 *     await sim.sleep(20);
 *     await runner.release();
 *   },
 * });
 * ```
 */
export function defineScenario<Input = undefined>(
  definition: ScenarioDefinition<Input>,
): ScenarioDefinition<Input> {
  checkScenario(definition);
  return definition;
}

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `value` is a scenario definition. */
export function checkScenario(value: unknown): asserts value is ScenarioDefinition {
  check('scenario', value, SCENARIO);
}
