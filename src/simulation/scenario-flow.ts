/** The stack frame below everything that a scenario does. */
import type { Scenario } from './simulate-options.ts';
import type { Simulation } from './simulation.ts';

/** Runs the scenario to its end. Watches of awaits recognize a wait of the scenario by this function in its stack. */
export async function awaitScenario(scenario: Scenario, simulation: Simulation): Promise<void> {
  await scenario(simulation);
}
