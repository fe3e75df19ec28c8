/** Explores a finished service with the workload for services, without a hand-written scenario. */
import { check } from '../../kernel/argument-check.ts';
import { EXPLORE_OPTIONS, type ExploreSubjectOptions } from './explore-runner.ts';
import { exploreWorkload, type SubjectExploration } from './explore-workload.ts';
import { serviceWorkload, type ServiceSubject } from './service-workload.ts';
import { limitsOf } from './workload-clients.ts';

/**
 * Drives a finished service of unknown internals, such as a scheduler over many runners, a remote client or a cache,
 * with everything that the contract allows, and checks what every service promises: no run goes back, ends twice or is
 * lost, waits end as they must, and some order of the calls explains all answers. Additional claims in its
 * {@link ServiceSubject} are checked as well.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for anything but a subject and options.
 * @example
 * ```ts
 * import { createFakeRunner, argvScript, meterService, createMemoryMetrics } from 'dryrunner';
 * import { exploreService, simCommands } from 'dryrunner/conformance';
 * const { failure } = await exploreService(
 *   {
 *     name: 'metered',
 *     commands: simCommands,
 *     capacity: 4,
 *     create(world) {
 *       const runner = createFakeRunner(world, { capacity: 4, script: argvScript });
 *       return { service: meterService(runner, { clock: world.clock, metrics: createMemoryMetrics() }) };
 *     },
 *   },
 *   { executions: 20 },
 * );
 * if (failure !== undefined) throw new Error(failure.text);
 * ```
 */
export async function exploreService(
  subject: ServiceSubject,
  options: ExploreSubjectOptions = {},
): Promise<SubjectExploration> {
  check('options', options, EXPLORE_OPTIONS);
  return exploreWorkload(serviceWorkload(subject, limitsOf(options)), options, 'exploreService');
}
