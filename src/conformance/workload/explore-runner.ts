/** Explores a runner with the workload of its kind: nobody writes a scenario. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { checkWholeSubject, type ConformanceSubject } from '../subject.ts';
import {
  EXPLORE_FIELDS,
  type ExploreWorkloadOptions,
  exploreWorkload,
  type SubjectExploration,
  type SubjectFailure,
} from './explore-workload.ts';
import { exploreInTime } from './timed-workload.ts';
import { runnerWorkload, type WorkloadLimits } from './runner-workload.ts';

/** How a runner is explored. */
export interface ExploreSubjectOptions extends WorkloadLimits, ExploreWorkloadOptions {
  /** Sequences on the machine's time or on held time, where nothing can be explored; default 5. */
  readonly sequences?: number;
}

const SEQUENCES = 5;

/** See {@link ExploreSubjectOptions}. */
export const EXPLORE_OPTIONS: is.RecordShape = is.closed(
  is.optionsOf<ExploreSubjectOptions>(
    {},
    { ...EXPLORE_FIELDS, ...is.each(['clients', 'operations', 'sequences'], is.COUNT) },
  ),
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
 * if (!held) throw new Error(failure?.message);
 * ```
 */
export async function exploreRunner(
  subject: ConformanceSubject,
  options: ExploreSubjectOptions = {},
): Promise<SubjectExploration<SubjectFailure>> {
  check('options', options, EXPLORE_OPTIONS);
  checkWholeSubject(subject);
  if (subject.wallWorld !== undefined || subject.heldWorld !== undefined) return inTime(subject, options);
  return exploreWorkload(runnerWorkload(subject, options), options);
}

/** The same clients and checks on time that cannot be explored. What was reached is not judged there: a few sequences reach little. */
async function inTime(
  subject: ConformanceSubject,
  options: ExploreSubjectOptions,
): Promise<SubjectExploration<SubjectFailure>> {
  const { sequences = SEQUENCES, seed = 1, mayMiss = {}, shouldStop = () => false } = options;
  const explored = await exploreInTime(subject, { ...options, sequences, seed, shouldStop });
  const { failure, sometimes } = explored;
  const missed = Object.keys(sometimes).filter(
    (name) => sometimes[name] === false && !Object.hasOwn(mayMiss, name),
  );
  const held = failure === undefined;
  return {
    ...{ held, executions: explored.sequences, missed },
    ...(failure === undefined ? {} : { failure: { message: failure.message } }),
  };
}
