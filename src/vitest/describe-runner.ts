/**
 * Declares a Vitest test for each case in a list, and tests that explore a runner. The cases are passed in, so any list
 * that satisfies this small contract works, including the conformance suite; the code that explores is loaded on
 * demand.
 */
import { describe, test } from 'vitest';
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { realFunctions } from '../kernel/drain-real-functions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { ConformanceSubject } from '../conformance/subject.ts';
import { isVirtual, refuseWithoutEffect } from '../conformance/workload/explored-time.ts';
import type { ExploreSubjectOptions } from '../conformance/workload/explore-runner.ts';
import { counted } from '../model/plural.ts';
import type { Simulation } from '../simulation/simulation.ts';
import { simTest } from './sim-test.ts';

/** The subset of a case that is used here; the cases of `dryrunner/conformance` satisfy it. */
export interface RunnerCase<Subject> {
  /** Title of the test; begins with the rules that it proves. */
  readonly title: string;
  /** Cases with the same group share a `describe` block. */
  readonly group: string;
  /** Why the case does not apply to the subject; undefined if it does. */
  skipReason(subject: Subject): string | undefined;
  /** Time limit of the test in milliseconds, 0 for none. If undefined or absent, Vitest's configured limit applies. */
  timeoutMs?(subject: Subject): number | undefined;
  /**
   * Rejects if the subject fails, and rejects early if the signal aborts, as it does when the test runs out of time.
   */
  prove(subject: Subject, options: { readonly signal: AbortSignal }): Promise<void>;
}

/** Options of {@link describeRunner}. */
export interface DescribeRunnerOptions {
  /**
   * True lets tests overlap. Only for subjects on real time, because simulations run one after another. Default false.
   */
  readonly concurrent?: boolean;
}

/** Options of `exploreRunner` that a test has, too. Its time limit bounds everything else. */
export type ExploredInTest = Omit<ExploreSubjectOptions, 'shouldStop' | 'shrinkExecutions' | 'onProgress'>;

const NOT_IN_TEST: Readonly<Record<string, string>> = {
  shouldStop: 'the test ends the exploration',
  shrinkExecutions: 'the time limit of the test bounds how long a failure is made small',
  onProgress: 'the test shows its own progress',
};

/** Options of {@link describeRunner} for a runner that is tested against the contract and explored. */
export interface ExploredRunnerOptions extends DescribeRunnerOptions {
  /**
   * True, or options, to drive the runner with everything that the contract allows (`exploreRunner`). Here `executions`
   * defaults to 300, coverage gaps fail only if `reachWithin` is given, and the exploration ends with the test's time
   * limit. An option without effect in the time of the subject is refused.
   */
  readonly explore: boolean | ExploredInTest;
  /** Cases to run before the exploration. Default: the whole conformance suite. */
  readonly cases?: readonly RunnerCase<ConformanceSubject>[];
}

const EXECUTIONS = 300;
/** Time limit of the exploration in milliseconds, including shrinking and explaining a failure. */
const EXPLORE_TIMEOUT_MS = 120_000;

/**
 * How long before Vitest's timeout a case is aborted, in milliseconds, so that it can report what it waits for; a tenth
 * of the limit if that is shorter.
 */
const EARLY_MS = 500;
const EARLY_SHARE = 0.1;

const OPTIONS = is.optionsOf<DescribeRunnerOptions>({}, { concurrent: is.BOOLEAN });
const EXPLORED_OPTIONS = is.optionsOf<ExploredRunnerOptions>(
  { explore: is.anyOf('true, false or how to explore', is.BOOLEAN, is.readable('options')) },
  { cases: is.LIST, concurrent: is.BOOLEAN },
);

/**
 * Declares one test per case that the subject must pass. Cases that need a capability it lacks are declared as skipped,
 * with the reason in their title. With `{ explore }` in place of the cases, the tests are those of the conformance
 * suite, plus one that drives the runner with everything that the contract allows, and one that fails if something was
 * never reached, provided that `reachWithin` is given; a failure of the exploration is explained, with a command line
 * that repeats it.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner } from 'dryrunner';
 * import { conformanceCases, simCommands, supportsAllBut, type ConformanceSubject } from 'dryrunner/conformance';
 * import { describeRunner } from 'dryrunner/vitest';
 * const mine: ConformanceSubject = {
 *   name: 'mine',
 *   supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
 *   commands: simCommands,
 *   create: (world, options) => ({ service: createSimulatedRunner(world, options) }),
 * };
 * describeRunner(mine, conformanceCases);
 * describeRunner({ ...mine, name: 'mine, explored' }, { cases: [], explore: { executions: 50 } });
 * ```
 */
export function describeRunner(subject: ConformanceSubject, options: ExploredRunnerOptions): void;
export function describeRunner<Subject extends { readonly name: string }>(
  subject: Subject,
  cases: readonly RunnerCase<Subject>[],
  options?: DescribeRunnerOptions,
): void;
export function describeRunner<Subject extends { readonly name: string }>(
  subject: Subject,
  how: readonly RunnerCase<Subject>[] | ExploredRunnerOptions,
  options: DescribeRunnerOptions = {},
): void {
  if (Array.isArray(how)) {
    check('options', options, OPTIONS);
    describe(subject.name, { concurrent: options.concurrent ?? false }, () => declareCases(subject, how));
    return;
  }
  check('options', how, EXPLORED_OPTIONS);
  describeExplored(subject as unknown as ConformanceSubject, how as ExploredRunnerOptions);
}

function describeExplored(
  subject: ConformanceSubject,
  { explore, cases, concurrent = false }: ExploredRunnerOptions,
): void {
  for (const [name, reason] of Object.entries(NOT_IN_TEST)) {
    if (typeof explore !== 'object' || !(name in explore)) continue;
    throw invalidArgument(`options.explore.${name}`, `to be absent: ${reason}`, Reflect.get(explore, name));
  }
  if (typeof explore === 'object') refuseWithoutEffect('options.explore', subject, explore);
  if (typeof explore === 'object' && explore.sequences === 0) {
    const expected = 'at least 1, since a test that runs nothing shows nothing; explore: false declares none';
    throw invalidArgument('options.explore.sequences', expected, 0);
  }
  // The last test judges what the one before it has reached, so their order stays.
  describe(subject.name, { concurrent, shuffle: false }, async () => {
    // Loaded lazily, because every test file pays for what this module imports.
    const { conformanceCases } = await import('../conformance/conformance-cases.ts');
    declareCases(subject, cases ?? conformanceCases);
    const options = explore === true ? {} : explore;
    if (options === false) return;
    const { EXPLORE_OPTIONS } = await import('../conformance/workload/explore-runner.ts');
    check('options.explore', options, EXPLORE_OPTIONS);
    if (isVirtual(subject)) await declareExploration(subject, options);
    else declareSequences(subject, options);
  });
}

async function declareExploration(
  subject: ConformanceSubject,
  { executions = EXECUTIONS, seed = 1, reachWithin = Infinity, mayMiss, replay, ...limits }: ExploredInTest,
): Promise<void> {
  const { runnerWorkload } = await import('../conformance/workload/runner-workload.ts');
  const { limitsOf } = await import('../conformance/workload/workload-clients.ts');
  const { missedOf } = await import('../conformance/workload/explore-workload.ts');
  const workload = runnerWorkload(subject, limitsOf(limits));
  const { addReached, neverReachedText } = await import('../model/reached-names.ts');
  const reached: Record<string, boolean> = {};
  const add = (name: string, condition: boolean): void => addReached(reached, { [name]: condition });
  let count = 0;
  simTest(
    'keeps the contract, whatever its clients do',
    (sim) => {
      count += 1;
      return workload.run(noting(sim, add), undefined);
    },
    // The next test names what was never reached.
    {
      ...{ runs: executions, seed, timeout: EXPLORE_TIMEOUT_MS, neverReached: 'ignore' },
      ...(replay === undefined ? {} : { replay }),
    },
  );
  test('has been driven to everything that it must reach', { concurrent: false }, ({ skip }) => {
    if (reachWithin === Infinity) skip('because explore.reachWithin is not given');
    if (count < reachWithin) {
      skip(`because ${count} executions are fewer than the ${reachWithin} of reachWithin`);
    }
    const missed = missedOf(Object.entries(reached), mayMiss);
    if (missed.length > 0) throw new Error(neverReachedText(counted(count, 'execution'), missed));
  });
}

/** A proxy of the simulation that also records calls of `sometimes`. */
function noting(sim: Simulation, add: (name: string, condition: boolean) => void): Simulation {
  const sometimes: Simulation['sometimes'] = (name, condition = true) => {
    add(name, condition);
    sim.sometimes(name, condition);
  };
  return new Proxy(sim, {
    get(target, key) {
      if (key === 'sometimes') return sometimes;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function declareSequences(subject: ConformanceSubject, options: ExploredInTest): void {
  test(
    'keeps the contract, whatever its clients do',
    async ({ signal }) => {
      const { exploreRunner } = await import('../conformance/workload/explore-runner.ts');
      const { failure } = await exploreRunner(subject, { ...options, shouldStop: () => signal.aborted });
      if (failure !== undefined) throw new Error(failure.text);
    },
    EXPLORE_TIMEOUT_MS,
  );
}

function declareCases<Subject>(subject: Subject, cases: readonly RunnerCase<Subject>[]): void {
  for (const group of new Set(cases.map((runnerCase) => runnerCase.group))) {
    describe(group, () => {
      for (const runnerCase of cases) if (runnerCase.group === group) declare(subject, runnerCase);
    });
  }
}

/**
 * Aborts a case shortly before Vitest's timeout, because Vitest prints nothing but the timeout for a case that fails
 * after it.
 */
async function endingEarly(
  signal: AbortSignal,
  timeoutMs: number,
  prove: (early: AbortSignal) => Promise<void>,
): Promise<void> {
  if (!(timeoutMs > 0 && timeoutMs < Infinity)) return prove(signal);
  const ending = new AbortController();
  const timer = realFunctions.setTimeout(
    () => ending.abort(),
    timeoutMs - Math.min(EARLY_MS, timeoutMs * EARLY_SHARE),
  );
  try {
    await prove(AbortSignal.any([signal, ending.signal]));
  } finally {
    realFunctions.clearTimeout(timer);
  }
}

function declare<Subject>(subject: Subject, runnerCase: RunnerCase<Subject>): void {
  const reason = runnerCase.skipReason(subject);
  const timeout = runnerCase.timeoutMs?.(subject);
  if (reason === undefined) {
    test(
      runnerCase.title,
      ({ signal, task }) =>
        endingEarly(signal, task.timeout, (early) => runnerCase.prove(subject, { signal: early })),
      timeout,
    );
  } else test.skip(`${runnerCase.title} (skipped because ${reason})`);
}
