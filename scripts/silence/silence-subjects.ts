// The shipped runners that live in virtual time, each under its generic workload. Invariant: nothing here was written for a bug.
import { runnerWorkload } from '../../src/conformance/index.ts';
import type { ScenarioDefinition } from '../../src/simulation/scenario.ts';
import { virtualSubjects } from '../../test/conformance/subjects.ts';
import { remote } from '../../test/remote/remote-subject.ts';
import { fake } from '../../sims/generic/fake.ts';
import { polled, pool, remote as lossy } from '../../sims/generic/services.ts';
import { simulatedParts } from '../../sims/generic/simulated-parts.ts';
import { simulatedScripts } from '../../sims/generic/simulated-scripts.ts';

/** By name, in the order in which they take turns. */
export const SILENT: Readonly<Record<string, ScenarioDefinition>> = Object.fromEntries([
  ...[...virtualSubjects, remote].map((subject): [string, ScenarioDefinition] => [
    subject.name,
    runnerWorkload(subject),
  ]),
  ['scripts', simulatedScripts],
  ['queue', simulatedParts],
  ['fake by hand', fake],
  ['lossy', lossy],
  ['polled fake', polled],
  ['pool', pool],
]);

/** The runner to whose workload a scenario belongs. */
export function runnerOfScenario(scenario: string): string {
  const found = Object.entries(SILENT).find(([, { name }]) => name === scenario);
  if (found !== undefined) return found[0];
  throw new Error(`expected a token of one of ${Object.keys(SILENT).join(', ')}, got one of ${scenario}`);
}
