/**
 * fast-check over simulations: fast-check draws and shrinks the inputs; the schedule is keyed by a seed that is drawn
 * once and never shrunk. So `seed` and `path` of a failure repeat it to the byte, and a shrunk input meets the same
 * schedule.
 */
import * as is from '../kernel/shape.ts';
import fc from 'fast-check';
import { check, isInstance } from '../kernel/argument-check.ts';
import { SIMULATE_OPTIONS, simulate } from '../simulation/simulate.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import type { Simulation } from '../simulation/simulation.ts';
import { detailedBy, factsOf, plainFact } from '../simulation/failure-fact.ts';
import { SimulationFailedError } from '../simulation/simulation-failed-error.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';

const PASSED_ON = [
  'oracles',
  'maxEvents',
  'leftovers',
  'drain',
  'keepTrace',
  'signal',
] as const satisfies readonly (keyof SimulationPropertyOptions)[];

/** Options of the simulations behind a property. */
export type SimulationPropertyOptions = Pick<
  SimulateOptions,
  'oracles' | 'maxEvents' | 'leftovers' | 'drain' | 'keepTrace' | 'signal'
> & {
  /** Called with each verdict, whether the simulation held or not; not for inputs that `fc.pre` refuses. */
  readonly onVerdict?: (verdict: Verdict) => void;
};

/** The shapes of these options. */
export const SIMULATION_PROPERTY_FIELDS: is.ShapesOf<SimulationPropertyOptions> = {
  ...(Object.fromEntries(PASSED_ON.map((name) => [name, SIMULATE_OPTIONS.fields.get(name)])) as is.ShapesOf<
    Pick<SimulateOptions, (typeof PASSED_ON)[number]>
  >),
  onVerdict: is.FUNCTION,
};
const OPTIONS = is.optionsOf<SimulationPropertyOptions>({}, SIMULATION_PROPERTY_FIELDS);

/**
 * A property for `fc.assert`: the scenario's simulation holds for all inputs and all schedules. As in fast-check, a
 * scenario that returns false fails, and `fc.pre` in it has other inputs drawn.
 *
 * The assertion fails with a {@link SimulationFailedError}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for wrong arguments and unknown options.
 *
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { createSimulatedRunner, finalStatus } from 'dryrunner';
 * import { commandArbitrary, simulationProperty } from 'dryrunner/check';
 * await fc.assert(
 *   simulationProperty([commandArbitrary({ mayHang: false })], async (sim, command) => {
 *     const runner = createSimulatedRunner(sim.world);
 *     const { runId } = await runner.run(command);
 *     const { status } = await finalStatus(runner, runId);
 *     sim.check(status.state !== 'ABORTED', 'nobody aborted it');
 *     await runner.release();
 *   }),
 *   { numRuns: 20 },
 * );
 * ```
 */
export function simulationProperty<Inputs extends [unknown, ...unknown[]]>(
  arbitraries: { readonly [Index in keyof Inputs]: fc.Arbitrary<Inputs[Index]> },
  scenario: (sim: Simulation, ...inputs: Inputs) => Promise<boolean | void> | boolean | void,
  options: SimulationPropertyOptions = {},
): fc.IAsyncProperty<[Inputs, number]> {
  return detailedProperty(arbitraries, scenario, options, () => []);
}

const RETURNED_FALSE = 'the scenario returned false';

/** A scenario that fails if it returns false. Adds no promise turn to it. */
function failingByFalse<Inputs extends unknown[]>(
  scenario: (sim: Simulation, ...inputs: Inputs) => unknown,
): (sim: Simulation, ...inputs: Inputs) => Promise<void> | void {
  return (sim, ...inputs) => {
    const returned = scenario(sim, ...inputs);
    if (returned === false) throw new Error(RETURNED_FALSE);
    if (isInstance(returned, Promise)) {
      let value: unknown;
      returned.then(
        (fulfilled: unknown) => (value = fulfilled),
        () => undefined,
      );
      sim.onEnd(() => {
        if (value === false) throw new Error(RETURNED_FALSE);
      });
    }
    return returned as Promise<void> | void;
  };
}

/** A {@link simulationProperty} that says more about a failure than a verdict does: `detailsOf` gives further lines. */
export function detailedProperty<Inputs extends [unknown, ...unknown[]]>(
  arbitraries: { readonly [Index in keyof Inputs]: fc.Arbitrary<Inputs[Index]> },
  scenario: (sim: Simulation, ...inputs: Inputs) => Promise<boolean | void> | boolean | void,
  options: SimulationPropertyOptions,
  detailsOf: (failure: Failure) => readonly string[],
): fc.IAsyncProperty<[Inputs, number]> {
  checkArbitraries(arbitraries);
  check('scenario', scenario, is.CALLABLE);
  check('options', options, OPTIONS);
  const { onVerdict, ...simulation } = options;
  const inputs = fc.tuple(...arbitraries) as unknown as fc.Arbitrary<Inputs>;
  const schedule = fc.noShrink(fc.nat());
  const judged = failingByFalse(scenario);
  return fc.asyncProperty(inputs, schedule, async (values, seed) => {
    const simulated = await simulate({
      ...simulation,
      seed,
      name: 'property',
      scenario: (sim) => judged(sim, ...values),
    });
    const { cause } = simulated.failure ?? {};
    if (isPrecondition(cause)) throw cause;
    const verdict = withDetails(simulated, detailsOf);
    onVerdict?.(verdict);
    if (verdict.failure !== undefined) throw new SimulationFailedError(verdict);
  });
}

/** True for what `fc.pre` throws, in any copy of fast-check. */
function isPrecondition(error: unknown): error is Error {
  try {
    return fc.PreconditionFailure.isFailure(error);
  } catch {
    // What cannot be read is none.
    return false;
  }
}

function withDetails(verdict: Verdict, detailsOf: (failure: Failure) => readonly string[]): Verdict {
  const { failure } = verdict;
  if (failure === undefined) return verdict;
  const facts = [...factsOf(failure), ...detailsOf(failure).map((text) => plainFact(text))];
  return { ...verdict, failure: { ...failure, ...detailedBy(facts) } };
}

/** Checked here, because fast-check would throw an untyped error of its own. */
function checkArbitraries(arbitraries: unknown): void {
  check('arbitraries', arbitraries, is.listOf(is.ANY, 'a list of arbitraries'));
  for (const [index, arbitrary] of (arbitraries as readonly unknown[]).entries()) {
    check(`arbitraries[${index}]`, arbitrary, is.withMethods('generate', 'shrink'));
  }
}
