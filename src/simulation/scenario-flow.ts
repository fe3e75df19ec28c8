/** The stack frames below everything that a scenario does. */
import { refuseGenerator } from '../kernel/argument-check.ts';
import { isPending } from '../model/maybe-promise.ts';
import type { Scenario } from './simulate-options.ts';
import type { Simulation } from './simulation.ts';

/** Runs the scenario to its end. Watches of awaits recognize a wait of the scenario by this function in its stack. */
export async function awaitScenario(scenario: Scenario, simulation: Simulation): Promise<void> {
  const returned = await (scenario as (sim: Simulation) => unknown)(simulation);
  refuseGenerator('scenario', returned);
}

/**
 * Runs the hooks of the end and then calls `end`, without returning in between unless one of them is asynchronous.
 * Watches recognize a wait of a hook by this function, as those of the scenario by {@link awaitScenario}.
 */
export async function runEndHooks(
  simulation: Simulation,
  fail: (error: unknown) => void,
  end: () => void,
): Promise<void> {
  for (let hook = simulation.takeEndHook(); hook !== undefined; hook = simulation.takeEndHook()) {
    try {
      const result = hook();
      if (isPending(result)) await result;
      else refuseGenerator('sim.onEnd: hook', result);
    } catch (error) {
      fail(error);
    }
  }
  end();
}

/** The functions that await code of the scenario. */
export const SCENARIO_FLOWS: readonly ((...args: never[]) => unknown)[] = [awaitScenario, runEndHooks];
