/** The frame below everything that a scenario does. */
import type { Scenario } from './simulate-options.ts';
import type { Simulation } from './simulation.ts';

/**
 * Runs the scenario to its end. Who looks at the stack of what is awaited finds this function below it if the scenario waits for that.
 */
export async function awaitScenario(scenario: Scenario, simulation: Simulation): Promise<void> {
  await scenario(simulation);
}
