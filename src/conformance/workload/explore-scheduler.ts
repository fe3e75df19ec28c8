/** Explores a scheduler with the workload for schedulers, without a hand-written scenario. */
import { check } from '../../kernel/argument-check.ts';
import { type ExploreServiceOptions, SERVICE_OPTIONS } from './explore-service.ts';
import { exploreWorkload, type SubjectExploration } from './explore-workload.ts';
import { type SchedulerSubject, schedulerWorkload } from './scheduler-workload.ts';
import { limitsOf } from './workload-clients.ts';

/**
 * Gives a scheduler jobs from several clients, and workers with the faults that it claims to survive: calls and replies
 * that are lost or late, crashes, restarts with new or old ids, pauses. The answers to its clients must keep what every
 * service promises, and agree with what its workers were really asked to do: no job is over that no worker has ended,
 * none starts after its end, or twice if it claims so, and none is active after the release.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for anything but a subject and options.
 * @example
 * ```ts
 * import type { Service } from 'dryrunner';
 * import { exploreScheduler } from 'dryrunner/conformance';
 * const { held } = await exploreScheduler(
 *   { name: 'all to the first', create: (_world, workers) => workers[0] as Service, startsOnce: true },
 *   { executions: 20 },
 * );
 * if (!held) throw new Error('expected it to hold');
 * ```
 */
export async function exploreScheduler(
  subject: SchedulerSubject,
  options: ExploreServiceOptions = {},
): Promise<SubjectExploration> {
  check('options', options, SERVICE_OPTIONS);
  return exploreWorkload(schedulerWorkload(subject, limitsOf(options)), options, 'exploreScheduler');
}
