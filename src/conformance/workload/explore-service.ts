/** Explores a finished service with the workload for services, without a hand-written scenario. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import {
  EXPLORE_FIELDS,
  type ExploreWorkloadOptions,
  exploreWorkload,
  type SubjectExploration,
} from './explore-workload.ts';
import { serviceWorkload, type ServiceSubject } from './service-workload.ts';
import { LIMIT_FIELDS, limitsOf, type WorkloadLimits } from './workload-clients.ts';

/** The options for exploring a service or a scheduler. */
export interface ExploreServiceOptions extends WorkloadLimits, ExploreWorkloadOptions {}

/** See {@link ExploreServiceOptions}. */
export const SERVICE_OPTIONS: is.RecordShape = is.optionsOf<ExploreServiceOptions>(
  {},
  { ...EXPLORE_FIELDS, ...LIMIT_FIELDS },
);

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
  options: ExploreServiceOptions = {},
): Promise<SubjectExploration> {
  check('options', options, SERVICE_OPTIONS);
  return exploreWorkload(serviceWorkload(subject, limitsOf(options)), options, 'exploreService');
}
