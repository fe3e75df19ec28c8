/**
 * The simulation that a `simTest` runs: what of its options simulations get, and the shape that all of them must have.
 */
import * as is from '../../kernel/shape.ts';
import { ambientTime, type AmbientOptions } from '../../ambient/ambient-time.ts';
import { freshModules } from '../../ambient/fresh-modules.ts';
import { check, isArray } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { SEEDS_MAX } from '../../kernel/seeded-random.ts';
import { formatCount } from '../../model/plural.ts';
import type { Ambience } from '../../simulation/ambience.ts';
import { checkScenario } from '../../simulation/scenario.ts';
import { SIMULATE_OPTIONS } from '../../simulation/simulate.ts';
import type { Scenario, SimulateOptions } from '../../simulation/simulate-options.ts';
import {
  type OwnOptions,
  VITEST_OPTIONS,
  type SimTestOptions,
  type TestedScenario,
} from '../sim-test-options.ts';
import type { SimulatedTest } from '../test-run.ts';

/** Options that a simulation does not have, or has with another shape. */
const OWN_OPTIONS = is.optionsOf<OwnOptions>(
  {},
  {
    seeds: is.anyOf(
      `a list, or an integer from 1 to ${formatCount(SEEDS_MAX)}`,
      is.integer(1, SEEDS_MAX),
      is.ITERABLE,
    ),
    seed: is.anyOf('a text or a number; more than one are seeds', is.TEXT, is.NUMBER),
    runs: is.COUNT,
    replay: is.anyOf('a token or a list of decisions', is.TEXT, is.LIST),
    explain: is.BOOLEAN,
    corpus: is.satisfying('a folder or false', (value) => typeof value === 'string' || value === false),
    neverReached: is.oneOf('warn', 'ignore'),
    ambient: is.ANY,
    timeout: is.limit(0),
  },
);
/** Options of a simulation that the test sets itself. */
const GIVEN: readonly string[] = ['scenario', 'name', 'seed', 'replay', 'source', 'nextTurn', 'ambient'];
const FIELDS = new Map<string, is.Shape>([
  ...VITEST_OPTIONS.map((key) => [key, is.ANY] as const),
  ...OWN_OPTIONS.fields,
  ...[...SIMULATE_OPTIONS.fields].filter(([key]) => !GIVEN.includes(key)),
]);
/** The names that an error lists: those that docs/vitest.md explains. */
const SHOWN = [...OWN_OPTIONS.fields.keys(), 'retry', 'maxEvents', 'leftovers', 'oracles', 'modules'];
const OPTIONS: is.RecordShape = {
  ...OWN_OPTIONS,
  fields: FIELDS,
  optional: new Set(FIELDS.keys()),
  shown: SHOWN,
};
/** The options of a simulation with a name. */
export type NamedSimulation = SimulateOptions & { readonly name: string };

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an option that a `simTest` does not take. */
export function checkTestOptions(options: unknown): void {
  check('options', options, OPTIONS);
}

/**
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a definition with `prepare`, and if `ambient` is none of its
 * values.
 */
export function simulationOf({ name, file, scenario, options = {}, signal }: SimulatedTest): NamedSimulation {
  const tested = scenarioOf(scenario);
  const { ambient } = options;
  const simulation: Partial<SimulateOptions> = Object.fromEntries(
    Object.entries(options).filter(([key]) => !OWN_OPTIONS.fields.has(key)),
  );
  const { oracles = tested.oracles } = simulation;
  const signals = [signal, simulation.signal].filter((one) => one !== undefined);
  return {
    ambient: ambienceOf(ambient),
    ...(file === undefined ? {} : { modules: freshModules(file) }),
    ...tested,
    ...(ambient === undefined ? {} : { ambient: ambienceOf(ambient) }),
    ...simulation,
    name,
    // Copied: a scenario that adds to its list must not change later executions.
    ...(isArray(oracles) ? { oracles: [...oracles] } : {}),
    ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
  };
}

function scenarioOf(
  scenario: TestedScenario | Scenario,
): Pick<SimulateOptions, 'scenario'> & Partial<SimulateOptions> {
  if (typeof scenario === 'function') return { scenario: scenario as Scenario };
  checkScenario(scenario);
  if (scenario.prepare !== undefined) {
    throw invalidArgument('scenario', 'one without prepare, which needs files', scenario.name);
  }
  return { ...scenario.options, scenario: (sim) => scenario.run(sim, undefined) };
}

function ambienceOf(ambient: SimTestOptions['ambient'] = true): Ambience | undefined {
  if (ambient === false) return undefined;
  if (ambient === true) return ambientTime();
  if (typeof (ambient as Partial<Ambience> | null)?.begin === 'function') return ambient as Ambience;
  if (typeof (ambient as unknown) !== 'object' || (ambient as unknown) === null) {
    throw invalidArgument('ambient', 'true, false, options or what ambientTime() returns', ambient);
  }
  return ambientTime(ambient as AmbientOptions);
}
