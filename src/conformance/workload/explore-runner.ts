/** Explores a runner with the workload of its kind: nobody writes a scenario. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import type { ConformanceSubject } from '../subject.ts';
import {
  EXPLORE_FIELDS,
  type ExploreWorkloadOptions,
  exploreWorkload,
  type SubjectExploration,
} from './explore-workload.ts';
import { runnerWorkload, type WorkloadLimits } from './runner-workload.ts';

/** How a runner is explored. */
export interface ExploreSubjectOptions extends WorkloadLimits, ExploreWorkloadOptions {}

const OPTIONS = is.optionsOf<ExploreSubjectOptions>(
  {},
  { ...EXPLORE_FIELDS, ...is.each(['clients', 'operations'], is.COUNT) },
);

/**
 * Drives a runner with everything that the contract allows, and holds everything that comes back to the contract. Nobody writes a scenario:
 * clients, operations and parts are drawn from the decision log, and what fails is made small, explained and can be replayed.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for a subject that no case can be run against.
 * @example
 * ```ts
 * import { createSimulatedRunner } from 'dryrunner';
 * import { exploreRunner, simCommands, supportsAllBut } from 'dryrunner/conformance';
 * const { held, failure } = await exploreRunner(
 *   {
 *     name: 'mine',
 *     supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
 *     commands: simCommands,
 *     create: (world, options) => ({ service: createSimulatedRunner(world, options) }),
 *   },
 *   { executions: 50 },
 * );
 * if (!held) throw new Error(failure?.message);
 * ```
 */
export async function exploreRunner(
  subject: ConformanceSubject,
  options: ExploreSubjectOptions = {},
): Promise<SubjectExploration> {
  check('options', options, OPTIONS);
  return exploreWorkload(runnerWorkload(subject, options), options);
}
