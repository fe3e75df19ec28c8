/**
 * Matchers for runners, promises and scenarios. Invariant: time is that of the received value: a runner waits on its
 * own clock, a promise on the `setTimeout` that its code sees, which is virtual in a simulation.
 */
import type { TestOptions } from 'vitest';
import { TIMER_MS_MAX } from '../kernel/int32.ts';
import * as is from '../kernel/shape.ts';
import { microsecondsOf } from '../kernel/microseconds.ts';
import type { Service } from '../model/service.ts';
import type { StatusQuerier } from '../model/status-reader.ts';
import type { RunState } from '../model/run-state.ts';
import { whenSettled } from '../model/maybe-promise.ts';
import type { RunStatus } from '../model/run-status.ts';
import { ALL_MASK, DONE_MASK, maskForState, maskMatches } from '../model/state-mask.ts';
import { check, mustBeAbsent, unreadable } from '../kernel/argument-check.ts';
import { describeValue, invalidArgument, isRunnerError, messageOf, RunnerError } from '../kernel/errors.ts';
import { counted, formatCount } from '../model/plural.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import type { SimulatedTest } from './test-run.ts';
import { VITEST_OPTIONS, type SimTestOptions, type TestedScenario } from './sim-test-options.ts';

/** Matchers that `dryrunner/vitest` adds to `expect`. All are asynchronous and must be awaited. */
export interface SimMatchers<Result> {
  /**
   * For a runner: the run reaches that state, at once or within `withinMs` milliseconds of the runner's time. Default:
   * no limit.
   */
  toReachState(runId: string, state: RunState, limits?: { readonly withinMs?: number }): Promise<Result>;
  /**
   * For a promise, or a function that returns one: it is fulfilled or rejected within that many milliseconds. For a
   * runner: all its runs have ended within that time.
   */
  toSettleWithin(ms: number): Promise<Result>;
  /**
   * For a scenario: the same decisions lead to the same execution. Runs the plain schedule and `runs` other executions,
   * default 20, twice each.
   */
  toBeDeterministic(options?: Pick<SimTestOptions, 'runs' | 'seed' | 'ambient'>): Promise<Result>;
  /** For a scenario: no execution of an exploration fails; see `simTest`. */
  toHoldInvariants(options?: Omit<SimTestOptions, 'corpus' | keyof TestOptions>): Promise<Result>;
}

// Vitest's assertions inherit those of Chai. Its own `Matchers` interface has different type parameters in each major,
// and all declarations of an interface must have the same ones.
declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- only a namespace can be merged with the global one of Chai
  namespace Chai {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- only an interface can be merged
    interface Assertion extends SimMatchers<void> {}
  }
}

/** The result of a matcher, as Vitest expects it. */
interface Match {
  readonly pass: boolean;
  message(): string;
  readonly actual?: unknown;
  readonly expected?: unknown;
}

/** The options of a `simTest` that are not those of a test. */
type HoldingOptions = Omit<SimTestOptions, 'corpus' | keyof TestOptions>;

const DETERMINISTIC_RUNS = 20;

const LIMITS = is.closed(is.objectOf('an object with withinMs', {}, { withinMs: is.limit(0) }));
/** Without the check of their values, which simulations do. */
const DETERMINISTIC_OPTIONS = is.closed(
  is.objectOf('an object of options', {}, { runs: is.COUNT, seed: is.ANY, ambient: is.ANY }),
);

async function toReachState(
  runner: unknown,
  runId: string,
  state: RunState,
  limits: { readonly withinMs?: number } = {},
): Promise<Match> {
  check('expect(runner)', runner, is.withMethods('query', 'queryNow'));
  check('runId', runId, is.TEXT);
  check('limits', limits, LIMITS);
  const { withinMs = Infinity } = limits;
  const querier = runner as StatusQuerier;
  const reached = await querier
    .query({ runs: [runId], states: maskForState(state) }, { timeoutMs: withinMs })
    .then(({ statuses }) => statuses.length > 0, unlessItCannotHappen);
  const { statuses } = await querier.queryNow({ runs: [runId], states: ALL_MASK });
  const within = withinMs === Infinity ? '' : ` within ${formatCount(withinMs)} ms`;
  return {
    pass: reached,
    message: () =>
      `expected run ${runId} ${reached ? 'not ' : ''}to reach ${state}${within}, got ${statusText(statuses[0])}`,
    ...(reached ? {} : { actual: statuses[0]?.state, expected: state }),
  };
}

/** False if the run has ended in another state, and so will never reach this one. */
function unlessItCannotHappen(error: unknown): false {
  if (isRunnerError(error, 'RUNNER_CANNOT_HAPPEN')) return false;
  throw error;
}

function statusText(status: RunStatus | undefined): string {
  if (status === undefined) return 'no status';
  const { state, exitCode, error } = status;
  const code = exitCode === 0 ? '' : `, exit code ${exitCode}`;
  return `${state}${code}${error === '' ? '' : `: ${error}`}`;
}

/** A limit on a wait, by timers of the surrounding code. */
class TimeLimit {
  readonly passed: Promise<'late'>;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.passed = new Promise((resolve) => {
      this.#wait(ms, () => resolve('late'));
    });
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #wait(ms: number, end: () => void): void {
    this.#timer =
      ms <= TIMER_MS_MAX
        ? setTimeout(end, ms)
        : setTimeout(() => this.#wait(ms - TIMER_MS_MAX, end), TIMER_MS_MAX);
  }
}

async function toSettleWithin(received: unknown, ms: number): Promise<Match> {
  check('ms', ms, is.DURATION_MS);
  const given: unknown = typeof received === 'function' ? (received as () => unknown)() : received;
  const { what, settled, pending } = settling(given);
  const began = performance.now();
  // Later than all that settles within the time, although timers take whole milliseconds.
  const limit = new TimeLimit(Math.floor(ms) + 1);
  const outcome = await Promise.race([settled, limit.passed]);
  const elapsedMs = performance.now() - began;
  limit.clear();
  const hasSettled = outcome !== 'late';
  const pass = hasSettled && microsecondsOf(elapsedMs) <= microsecondsOf(ms);
  const came = hasSettled ? `${outcome} after ${textOfMs(elapsedMs)}` : await pending();
  return {
    pass,
    message: () => `expected ${what} ${pass ? 'not ' : ''}to settle within ${textOfMs(ms)}, but ${came}`,
  };
}

function textOfMs(ms: number): string {
  const exact = microsecondsOf(ms) / 1_000;
  return `${Number.isInteger(exact) ? formatCount(exact) : exact} ms`;
}

/** A value that settles. */
interface Settling {
  readonly what: string;
  /** Resolves with the words for how it has settled. */
  readonly settled: Promise<string>;
  /** The words for what has not settled yet. */
  readonly pending: () => string | Promise<string>;
}

function settling(given: unknown): Settling {
  if (typeof (given as Partial<Service> | null)?.query === 'function') {
    const runner = given as StatusQuerier;
    return { what: 'all runs of the runner', settled: settledRunner(runner), pending: () => runsOf(runner) };
  }
  if (typeof (given as Partial<Promise<unknown>> | null)?.then !== 'function') {
    throw invalidArgument('expect(…)', 'a promise, a function that gives one, or a runner', given);
  }
  const settled = new Promise<string>((resolve) => {
    whenSettled(
      given,
      () => resolve('it was fulfilled'),
      (error) => resolve(`it was rejected with ${describeValue(messageOf(error))}`),
    );
  });
  return { what: 'the promise', settled, pending: () => 'it was still pending' };
}

async function settledRunner(runner: StatusQuerier): Promise<string> {
  const { statuses } = await runner.queryNow({ allRuns: true, states: ALL_MASK });
  for (const { runId } of statuses) {
    await runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: Infinity });
  }
  return 'all of them had ended';
}

async function runsOf(runner: StatusQuerier): Promise<string> {
  const { statuses } = await runner.queryNow({ allRuns: true, states: ALL_MASK });
  return statuses
    .filter(({ state }) => !maskMatches(DONE_MASK, state))
    .map(({ runId, state }) => `run ${runId} was ${state}`)
    .join(', ');
}

async function toBeDeterministic(
  this: MatcherContext | undefined,
  scenario: unknown,
  options: Pick<SimTestOptions, 'runs' | 'seed' | 'ambient'> = {},
): Promise<Match> {
  checkTested(scenario);
  check('options', options, DETERMINISTIC_OPTIONS);
  const { runs = DETERMINISTIC_RUNS } = options;
  const { differenceIn } = await import('./simulated-test.ts');
  const text = await differenceIn(testOf(scenario, { ...options, runs }, this));
  return {
    pass: text === undefined,
    message: () =>
      text === undefined
        ? `expected executions of the same decisions to differ, got ${counted(runs + 1, 'execution')} that gave the same twice`
        : `expected the same decisions to lead to the same execution, got another: ${text}`,
  };
}

async function toHoldInvariants(
  this: MatcherContext | undefined,
  scenario: unknown,
  options: HoldingOptions = {},
): Promise<Match> {
  checkTested(scenario);
  checkNotOfTest(options);
  const { endedFromOutside, runSimulatedTest } = await import('./simulated-test.ts');
  const tested = testOf(scenario, options, this);
  const isEnded = (): boolean => tested.signal?.aborted === true;
  const message = await runSimulatedTest(tested).then(
    () => undefined,
    (error: unknown) => {
      // The negated matcher would take the end for a failure of the scenario.
      if (isEnded()) throw error;
      if ((error as Partial<Error> | undefined)?.name === 'SimulationFailedError') return messageOf(error);
      throw error;
    },
  );
  if (message === undefined && isEnded()) throw endedFromOutside(tested.signal);
  return {
    pass: message === undefined,
    message: () => message ?? 'expected an execution to fail, got none: all of them hold',
  };
}

const OF_TEST = Object.fromEntries(
  ['corpus', ...VITEST_OPTIONS].map((name) => [name, 'it is an option of a test']),
);

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an option that has no effect without a test of its own. */
function checkNotOfTest(options: HoldingOptions): void {
  check('options', options, is.readable('an object of options'));
  try {
    mustBeAbsent('options.', options, OF_TEST);
  } catch (error) {
    throw unreadable('options', options, error);
  }
}

function checkTested(scenario: unknown): asserts scenario is TestedScenario {
  if (typeof scenario === 'function') return;
  if (typeof (scenario as Partial<ScenarioDefinition> | null)?.run === 'function') return;
  throw invalidArgument('expect(scenario)', 'a function of a simulation, or a scenario definition', scenario);
}

/** A simulation that ends once the surrounding test has run out of time. One event may take a part of that time. */
function testOf(
  scenario: TestedScenario,
  options: HoldingOptions,
  context: MatcherContext | undefined,
): SimulatedTest {
  const { name } = scenario as { readonly name?: unknown };
  const signal = signalOf(context);
  const { timeout: outerTimeoutMs } = context?.task ?? {};
  return {
    name: typeof name === 'string' && name !== '' ? name : 'the scenario',
    scenario,
    options,
    ...(outerTimeoutMs === undefined ? {} : { outerTimeoutMs }),
    ...(signal === undefined ? {} : { signal }),
    now: performance.now.bind(performance),
  };
}

/** The used subset of what Vitest calls a matcher on. In the place of a value there is no `promise`. */
interface MatcherContext {
  readonly promise?: string;
  /** The test that Vitest takes for the surrounding one, if there is one. */
  readonly task?: Group & { readonly timeout?: number; readonly context: { readonly signal?: AbortSignal } };
}

/** A test, or a group of tests. */
interface Group {
  readonly concurrent?: boolean;
  readonly suite?: Group;
}

/**
 * The signal of the surrounding test; undefined if that may overlap others. The global `expect` names the test that
 * started last, and nothing says whether a call came through it or through the `expect` of the test's context.
 */
function signalOf(context: MatcherContext | undefined): AbortSignal | undefined {
  const { task } = context ?? {};
  return task === undefined || overlapsOthers(task) ? undefined : task.context.signal;
}

/** Tests of a sequential group overlap those beside it if a group around it is concurrent. */
function overlapsOthers({ concurrent, suite }: Group): boolean {
  return concurrent === true || (suite !== undefined && overlapsOthers(suite));
}

/** Vitest does not await a matcher in the place of a value, so that the negated one would always match. */
function awaited<Matcher extends (this: MatcherContext | undefined, ...given: never[]) => unknown>(
  name: string,
  match: Matcher,
): Matcher {
  return function (this: MatcherContext | undefined, ...given: never[]): unknown {
    if (this !== undefined && this.promise === undefined) {
      throw new RunnerError(
        'RUNNER_INVALID_ARGUMENT',
        `expect.${name} cannot stand for a value, because it takes time: use await expect(…).${name}(…)`,
      );
    }
    return match.apply(this, given);
  } as Matcher;
}

type AllMatchers = Readonly<
  Record<keyof SimMatchers<unknown>, (received: unknown, ...given: never[]) => Promise<Match>>
>;

/** Passed to `expect.extend`. */
export const matchers: AllMatchers = {
  toReachState: awaited('toReachState', toReachState),
  toSettleWithin: awaited('toSettleWithin', toSettleWithin),
  toBeDeterministic: awaited('toBeDeterministic', toBeDeterministic),
  toHoldInvariants: awaited('toHoldInvariants', toHoldInvariants),
};
