/** The simulated runner under the workload of any runner. */
import { createSimulatedRunner, type ScenarioDefinition } from 'dryrunner';
import { runnerWorkload, simCommands, supportsAllBut } from 'dryrunner/conformance';

export const simulated: ScenarioDefinition<unknown> = runnerWorkload({
  name: 'simulated',
  supports: supportsAllBut({}),
  commands: simCommands,
  graceMs: 10_000,
  create(world, options) {
    const runner = createSimulatedRunner(world, options);
    return { service: runner, readOutput: (uri) => runner.outputs.find(uri)?.text() ?? '' };
  },
});
