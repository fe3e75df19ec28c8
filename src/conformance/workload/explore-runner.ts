/** Explores a runner with the workload of its kind: nobody writes a scenario. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { checkWholeSubject, type ConformanceSubject } from '../subject.ts';
import {
  EXPLORE_FIELDS,
  type ExploreWorkloadOptions,
  exploreWorkload,
  missedOf,
  stopOf,
  type SubjectExploration,
  type SubjectFailure,
} from './explore-workload.ts';
import { exploreInTime } from './timed-workload.ts';
import { runnerWorkload } from './runner-workload.ts';
import { LIMIT_FIELDS, limitsOf, type WorkloadLimits } from './workload-clients.ts';

/** How a runner is explored. */
export interface ExploreSubjectOptions extends WorkloadLimits, ExploreWorkloadOptions {
  /** Sequences on the machine's time or on held time, where nothing can be explored; default 5. */
  readonly sequences?: number;
}

const SEQUENCES = 5;

/** See {@link ExploreSubjectOptions}. */
export const EXPLORE_OPTIONS: is.RecordShape = is.optionsOf<ExploreSubjectOptions>(
  {},
  { ...EXPLORE_FIELDS, ...LIMIT_FIELDS, sequences: is.COUNT },
);

/**
 * Drives a runner with everything that the contract allows, and holds everything that comes back to the contract. Nobody writes a scenario:
 * clients, operations and parts are drawn from the decision log, and what fails is made small, explained and can be replayed. A subject with a
 * `wallWorld` or a `heldWorld` is driven through a few `sequences` by the same clients; what fails there is reported with its last draws, and not made small.
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
 * if (!held) throw new Error(failure?.text);
 * ```
 */
export async function exploreRunner(
  subject: ConformanceSubject,
  options: ExploreSubjectOptions = {},
): Promise<SubjectExploration<SubjectFailure>> {
  check('options', options, EXPLORE_OPTIONS);
  checkWholeSubject(subject);
  if (subject.wallWorld !== undefined || subject.heldWorld !== undefined) return inTime(subject, options);
  return exploreWorkload(runnerWorkload(subject, limitsOf(options)), options, 'exploreRunner');
}

/** The same clients and checks on time that cannot be explored. What was reached is not judged there: a few sequences reach little. */
async function inTime(
  subject: ConformanceSubject,
  options: ExploreSubjectOptions,
): Promise<SubjectExploration<SubjectFailure>> {
  const { sequences = SEQUENCES, seed = 1, mayMiss, replay } = options;
  if (replay !== undefined) {
    throw invalidArgument('options.replay', 'to be absent: only virtual time can be replayed', replay);
  }
  const shouldStop = stopOf(options.shouldStop);
  const explored = await exploreInTime(subject, { ...options, sequences, seed, shouldStop });
  const { failure, sometimes, sequences: executions } = explored;
  if (failure !== undefined) {
    const { message } = failure;
    return { held: false, executions, failure: { message, text: message }, missed: [] };
  }
  return { held: executions > 0, executions, missed: missedOf(Object.entries(sometimes), mayMiss) };
}
