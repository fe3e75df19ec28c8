/**
 * Matchers for runners, promises and scenarios. Invariant: time is that of the received value: a runner waits on its
 * own clock, a promise on the `setTimeout` that its code sees, which is virtual in a simulation.
 */
import * as is from '../kernel/shape.ts';
import type { Service } from '../model/service.ts';
import type { StatusQuerier } from '../model/status-reader.ts';
import type { RunState } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import { ALL_MASK, DONE_MASK, maskForState } from '../model/state-mask.ts';
import { check } from '../kernel/argument-check.ts';
import { describeValue, invalidArgument, isRunnerError, messageOf } from '../kernel/errors.ts';
import { formatCount } from '../model/plural.ts';
import type { SimTestOptions, TestedScenario } from './sim-test-options.ts';

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
  toHoldInvariants(options?: Omit<SimTestOptions, 'corpus' | 'timeout'>): Promise<Result>;
}

declare module 'vitest' {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any, @typescript-eslint/no-empty-object-type -- as Vitest declares it
  interface Matchers<T = any> extends SimMatchers<T> {}
}

/** The result of a matcher, as Vitest expects it. */
interface Match {
  readonly pass: boolean;
  message(): string;
  readonly actual?: unknown;
  readonly expected?: unknown;
}

const DETERMINISTIC_RUNS = 20;

async function toReachState(
  runner: unknown,
  runId: string,
  state: RunState,
  { withinMs = Infinity }: { readonly withinMs?: number } = {},
): Promise<Match> {
  check('expect(runner)', runner, is.withMethods('query', 'queryNow'));
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

async function toSettleWithin(received: unknown, ms: number): Promise<Match> {
  check('ms', ms, is.DURATION_MS);
  const pending = new Set<string>();
  const settled = settledOf(received, pending);
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  const outcome = await Promise.race([settled, late]);
  clearTimeout(timer);
  const isLate = outcome === 'late';
  const after = `${formatCount(performance.now() - began)} ms`;
  const still = pending.size === 0 ? 'it was still pending' : `still on: ${[...pending].join(', ')}`;
  return {
    pass: !isLate,
    message: () =>
      isLate
        ? `expected it to settle within ${formatCount(ms)} ms, and then ${still}`
        : `expected it not to settle within ${formatCount(ms)} ms, and it ${outcome} after ${after}`,
  };
}

/** Waits until the received value settles, and says in words how. Meanwhile `pending` has what is not settled yet. */
async function settledOf(received: unknown, pending: Set<string>): Promise<string> {
  const given: unknown = typeof received === 'function' ? (received as () => unknown)() : received;
  if (typeof (given as Partial<Service> | null)?.query === 'function') {
    return settledRunner(given as StatusQuerier, pending);
  }
  if (typeof (given as Partial<Promise<unknown>> | null)?.then !== 'function') {
    throw invalidArgument('expect(…)', 'a promise, a function that gives one, or a runner', given);
  }
  return (given as Promise<unknown>).then(
    () => 'was fulfilled',
    (error: unknown) => `was rejected with ${describeValue(messageOf(error))}`,
  );
}

async function settledRunner(runner: StatusQuerier, pending: Set<string>): Promise<string> {
  const { statuses } = await runner.queryNow({ allRuns: true, states: ALL_MASK });
  for (const { runId, state } of statuses) pending.add(`run ${runId} (${state})`);
  for (const { runId, state } of statuses) {
    await runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: Infinity });
    pending.delete(`run ${runId} (${state})`);
  }
  return 'had ended all its runs';
}

async function toBeDeterministic(
  scenario: unknown,
  { runs = DETERMINISTIC_RUNS, ...options }: Pick<SimTestOptions, 'runs' | 'seed' | 'ambient'> = {},
): Promise<Match> {
  const { differenceIn } = await import('./simulated-test.ts');
  const text = await differenceIn({ ...testOf(scenario, { ...options, runs }) });
  return {
    pass: text === undefined,
    message: () =>
      text === undefined
        ? `expected executions of the same decisions to differ, and ${formatCount(runs + 1)} were the same twice`
        : `expected the same decisions to lead to the same execution, got another: ${text}`,
  };
}

async function toHoldInvariants(
  scenario: unknown,
  options: Omit<SimTestOptions, 'corpus' | 'timeout'> = {},
): Promise<Match> {
  const { runSimulatedTest } = await import('./simulated-test.ts');
  const message = await runSimulatedTest(testOf(scenario, options)).then(
    () => undefined,
    (error: unknown) => {
      if ((error as Partial<Error> | undefined)?.name === 'SimulationFailedError') return messageOf(error);
      throw error;
    },
  );
  return {
    pass: message === undefined,
    message: () => message ?? 'expected an execution to fail, and all of them hold',
  };
}

function testOf(
  scenario: unknown,
  options: Omit<SimTestOptions, 'corpus' | 'timeout'>,
): { name: string; scenario: TestedScenario; options: typeof options; now: () => number } {
  const name = (scenario as { readonly name?: unknown } | null)?.name;
  return {
    name: typeof name === 'string' && name !== '' ? name : 'the scenario',
    scenario: scenario as TestedScenario,
    options,
    now: performance.now.bind(performance),
  };
}

/** Passed to `expect.extend`. */
export const matchers: Readonly<
  Record<keyof SimMatchers<unknown>, (received: unknown, ...given: never[]) => Promise<Match>>
> = { toReachState, toSettleWithin, toBeDeterministic, toHoldInvariants };
