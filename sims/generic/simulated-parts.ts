/** The queue runner with all of its collaborators drawn: execer, filers, outputs, processors, uploader, directories, metrics. */
import { createMemoryOutputs, type ScenarioDefinition } from 'dryrunner';
import { createQueueRunner, type QueueRunnerOptions } from 'dryrunner/kit';
import { partsWorkload } from 'dryrunner/conformance';

const NO_FILERS: QueueRunnerOptions['filers'] = new Map();

export const simulatedParts: ScenarioDefinition<unknown> = partsWorkload({
  name: 'simulated',
  create(world, { filers = NO_FILERS, ...options }, { outputs, ...machine }) {
    const memory = createMemoryOutputs();
    const service = createQueueRunner(world, { ...options, ...machine, filers, outputs: outputs(memory) });
    return { service, readOutput: (uri) => memory.find(uri)?.text() ?? '' };
  },
});
