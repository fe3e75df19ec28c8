/**
 * The code that each exploring thread runs. It loads the same scenario files in the same way as the command's own
 * thread.
 */
import type { PreparedScenario } from '../threads/thread-scenario.ts';
import { serveExploreTask } from '../threads/worker.ts';
import { findScenarios, prepareScenario } from './scenario-loader.ts';
import { UsageError } from './exit-status.ts';
import { awaitedCode } from './user-code.ts';

await serveExploreTask({
  load,
  awaitedCode,
  loadEscapeWatch: async () => (await import('../ambient/escapes/escape-watch.ts')).watchEscapes,
});

async function load(reference: string): Promise<PreparedScenario> {
  const [scenario] = await findScenarios([reference]);
  if (scenario === undefined) throw new UsageError(`no scenario is called ${reference}`);
  const { definition, modules } = scenario;
  return { definition, modules, input: await prepareScenario(scenario) };
}
