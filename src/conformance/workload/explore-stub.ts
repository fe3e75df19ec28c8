/** Explores an object with the workload of its model, without a hand-written scenario. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import {
  EXPLORE_FIELDS,
  type ExploreWorkloadOptions,
  exploreWorkload,
  type SubjectExploration,
} from './explore-workload.ts';
import {
  STUB_WORKLOAD_FIELDS,
  type StubSubject,
  stubWorkload,
  type StubWorkloadOptions,
} from './stub-workload.ts';

/** The options for exploring an object. */
export interface ExploreStubOptions extends StubWorkloadOptions, ExploreWorkloadOptions {}

const OPTIONS = is.optionsOf<ExploreStubOptions>({}, { ...EXPLORE_FIELDS, ...STUB_WORKLOAD_FIELDS });

/**
 * Looks for a way to make an object answer as its model cannot: several clients call all its methods concurrently,
 * directly and through links that lose, duplicate, delay and reorder, on a node that crashes, pauses and slows down.
 * Every history must be linearizable, every call must end once faults have, and every error must be a declared refusal.
 * No scenario has to be written; a failure is shrunk, explained and can be replayed.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for a subject without name, program, model and calls.
 * @example
 * ```ts
 * import { methodModel } from 'dryrunner';
 * import { exploreStub } from 'dryrunner/conformance';
 * class Counter {
 *   #count = 0;
 *   async add(by: number): Promise<number> {
 *     return (this.#count += by);
 *   }
 * }
 * const { held, failure } = await exploreStub(
 *   {
 *     name: 'counter',
 *     program: () => new Counter(),
 *     model: methodModel<Counter, number>(0, { add: (count, by) => ({ state: count + by, value: count + by }) }),
 *     calls: { add: [[1], [5]] },
 *     restarts: 'forgets',
 *   },
 *   { executions: 200 },
 * );
 * if (!held) throw new Error(failure?.text);
 * ```
 */
export async function exploreStub<T extends object, S>(
  subject: StubSubject<T, S>,
  options: ExploreStubOptions = {},
): Promise<SubjectExploration> {
  check('options', options, OPTIONS);
  const workload = stubWorkload(subject, is.only<StubWorkloadOptions>(STUB_WORKLOAD_FIELDS, options));
  return exploreWorkload(workload, options, 'exploreStub');
}
