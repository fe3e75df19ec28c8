/** Explores a runner with the workload of its kind, without a hand-written scenario. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { checkWholeSubject, type ConformanceSubject } from '../subject.ts';
import {
  EXPLORE_FIELDS,
  type ExploreWorkloadOptions,
  exploreWorkload,
  missedOf,
  type SubjectExploration,
  type SubjectFailure,
} from './explore-workload.ts';
import { isVirtual, refuseWithoutEffect } from './explored-time.ts';
import { exploreInTime } from './timed-workload.ts';
import { runnerWorkload } from './runner-workload.ts';
import { LIMIT_FIELDS, limitsOf, type WorkloadLimits } from './workload-clients.ts';
import { stopOf } from '../../explore/stop-condition.ts';

/**
 * The options for exploring a runner. One without effect is refused: `sequences` in virtual time; `executions`,
 * `reachWithin`, `shrinkExecutions` and `replay` on the machine's time and held time.
 */
export interface ExploreSubjectOptions extends WorkloadLimits, ExploreWorkloadOptions {
  /** Number of sequences on the machine's time or on held time, where nothing can be explored. Default 5. */
  readonly sequences?: number;
}

const SEQUENCES = 5;

/** See {@link ExploreSubjectOptions}. */
export const EXPLORE_OPTIONS: is.RecordShape = is.optionsOf<ExploreSubjectOptions>(
  {},
  { ...EXPLORE_FIELDS, ...LIMIT_FIELDS, sequences: is.COUNT },
);

/**
 * Drives a runner with everything that the contract allows, and checks everything that comes back against the contract,
 * without a hand-written scenario: clients, operations and parts are drawn from the decision log, and a failure is
 * shrunk, explained and can be replayed. For a subject with a `wallWorld` or a `heldWorld`, the same clients run a few
 * `sequences`; a failure there is reported with its last events and draws, and not shrunk.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for a subject that no case can run against, and for an
 *   option that has no effect in the time of the subject.
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
 * if (!held) throw new Error(failure?.text);
 * ```
 */
export async function exploreRunner(
  subject: ConformanceSubject,
  options: ExploreSubjectOptions = {},
): Promise<SubjectExploration<SubjectFailure>> {
  check('options', options, EXPLORE_OPTIONS);
  checkWholeSubject(subject);
  refuseWithoutEffect('options', subject, options);
  if (!isVirtual(subject)) return inTime(subject, options);
  return exploreWorkload(runnerWorkload(subject, limitsOf(options)), options, 'exploreRunner');
}

/**
 * The same clients and checks on time that cannot be explored. Does not judge what was reached: a few sequences reach
 * little.
 */
async function inTime(
  subject: ConformanceSubject,
  options: ExploreSubjectOptions,
): Promise<SubjectExploration<SubjectFailure>> {
  const { sequences = SEQUENCES, seed = 1, mayMiss } = options;
  const shouldStop = stopOf(options.shouldStop);
  const explored = await exploreInTime(subject, { ...options, sequences, seed, shouldStop });
  const { failure, sometimes, sequences: executions } = explored;
  if (failure !== undefined) return { held: false, executions, failure, missed: [] };
  return { held: executions > 0, executions, missed: missedOf(Object.entries(sometimes), mayMiss) };
}
