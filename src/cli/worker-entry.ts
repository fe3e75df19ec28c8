/** What each exploring thread runs: the same scenario files, loaded in the same way, as in the thread of the command. */
import type { PreparedScenario } from '../threads/thread-scenario.ts';
import { serveExploreTask } from '../threads/worker.ts';
import { findScenarios, prepareScenario } from './scenario-loader.ts';
import { UsageError } from './exit-status.ts';

await serveExploreTask({
  load,
  loadEscapeWatch: async () => (await import('../ambient/escape-watch.ts')).watchEscapes,
});

async function load(reference: string): Promise<PreparedScenario> {
  const [scenario] = await findScenarios([reference]);
  if (scenario === undefined) throw new UsageError(`no scenario is called ${reference}`);
  const { definition, modules } = scenario;
  return { definition, modules, input: await prepareScenario(scenario) };
}
