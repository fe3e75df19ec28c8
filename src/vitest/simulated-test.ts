/**
 * Runs a `simTest`: looks for a failure as its plan asks, and has the one that is found reported. Invariants: a failure
 * is shrunk, explained and kept; executions, shrinking and explaining stay within the test's time limit.
 */
import { runCampaign } from '../explore/campaign.ts';
import { portfolioStrategy } from '../explore/strategies/portfolio.ts';
import { DrainSlices } from '../kernel/drain-slices.ts';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import { counted, formatCount } from '../model/plural.ts';
import { tuneEngineForFewExecutions } from '../threads/engine-settings.ts';
import { GuardedTurns } from '../ambient/guarded-turns.ts';
import { LateErrors } from './late-errors.ts';
import { noteLoading } from './loading-modules.ts';
import { findFailure, PLAIN } from './search/failure-search.ts';
import { FailedExecutions } from './search/failed-executions.ts';
import { HeldExecutions } from './search/held-executions.ts';
import { keptOf } from './search/kept-folder.ts';
import { noteFixed } from './search/passing-notes.ts';
import { SearchExecutor } from './search/search-executor.ts';
import { checkSeed, DEFAULT_RUNS, DEFAULT_SEED, planOf, referenceOf } from './search/test-plan.ts';
import { checkTestOptions, simulationOf } from './search/tested-simulation.ts';
import { TurnGuardedExecutor } from './search/turn-guarded-executor.ts';
import type { FoundFailure, SimulatedTest, TestRun } from './test-run.ts';

const OF_OTHER_TEST = 'the token is of another test of this name';
/** How a test divides its time, as docs/vitest.md states it. */
export const TIME_LIMITS = {
  /** Parts of the test's time: for exploring, and for all executions. The rest is left to Vitest. */
  explorePart: 0.4,
  wholePart: 0.7,
  /**
   * One event may take this part of the test's time, and this long, or the smaller part of a longer time. A loop of
   * promise reactions fills the memory long before the time of most tests is over.
   */
  eventPart: 0.4,
  eventMsMax: 5_000,
  eventPartLong: 0.1,
  /** In a test of Vitest's own, whose time may be too short for a simulation. */
  eventMsLeast: 1_000,
} as const;

/**
 * Runs the test.
 *
 * Rejects with a `SimulationFailedError` for the first execution that does not hold, explained. Its stack begins with
 * the line of the scenario that noticed the failure.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for wrong options, and for a definition with `prepare`.
 */
export async function runSimulatedTest(test: SimulatedTest): Promise<void> {
  try {
    await runChecked(test);
  } catch (error) {
    if (!(error instanceof RunnerError) || error.code !== 'RUNNER_INVALID_ARGUMENT') throw error;
    const { wrongTest } = await import('./failed-test.ts');
    throw wrongTest(test, error);
  }
}

async function runChecked(test: SimulatedTest): Promise<void> {
  tuneEngineForFewExecutions();
  const { options = {} } = test;
  checkTestOptions(options);
  const reference = referenceOf(test);
  const plan = planOf(test, reference);
  if (plan.kind === 'other') {
    test.skip?.(OF_OTHER_TEST);
    return;
  }
  const simulation = simulationOf(test);
  const { now, startedAt = now() } = test;
  const timeMs = timeMsOf(test.timeoutMs);
  const guards = new TurnsOfTest(test);
  const within: TestRun['within'] = (limitMs, seed) => {
    const turns = guards.make(limitMs, false);
    return { turns, executor: new TurnGuardedExecutor(simulation, turns, seed) };
  };
  const leftMs = (): number => startedAt + timeMs * TIME_LIMITS.wholePart - now();
  // Sharing requires that an error in a tick never passes through the turn of another simulation; in ambient time it
  // does not.
  const turns = guards.make(leftMs(), simulation.ambient !== undefined);
  const held = new HeldExecutions();
  const failed = new FailedExecutions();
  const late = new LateErrors(simulation.scenario);
  const notes = { late, held, failed, snapshots: test.snapshots };
  const run: TestRun = {
    isAmbient: simulation.ambient !== undefined,
    ...{ test, reference, turns, held, failed, late, within, leftMs, fixed: [], ...keptOf(test, reference) },
    untilTimeOutMs: () => startedAt + timeMs - now(),
    executor: (seed) => new SearchExecutor(new TurnGuardedExecutor(simulation, turns, seed), seed, notes),
  };
  noteLoading();
  try {
    const found = await late.orFirst(
      findFailure(run, plan, () => now() - startedAt >= timeMs * TIME_LIMITS.explorePart).finally(() =>
        DrainSlices.leave(),
      ),
    );
    const seen = mostInformative(run, found);
    if (seen === undefined) noteFixed(test, run.fixed);
    if (seen === undefined || test.isSkipped?.() === true) return;
    if (seen.kind !== 'unfinished') test.onFound?.();
    const { failedTest } = await import('./failed-test.ts');
    throw await failedTest(run, seen);
  } finally {
    late.end();
    guards.end();
  }
}

/** The guarded turns of one test. What watches code between them would end code of later tests. */
class TurnsOfTest {
  readonly #test: SimulatedTest;
  readonly #made: GuardedTurns[] = [];

  constructor(test: SimulatedTest) {
    this.#test = test;
  }

  make(timeMs: number, isShared: boolean): GuardedTurns {
    const { now, timeoutMs } = this.#test;
    const why = timeUpText(timeMsOf(timeoutMs));
    const turns = new GuardedTurns({ now, timeMs, turnMs: eventMsOf(this.#test), why, isShared });
    this.#made.push(turns);
    return turns;
  }

  end(): void {
    for (const turns of this.#made) turns.end();
  }
}

/** Vitest takes 0 for no limit. */
function timeMsOf(timeoutMs = Infinity): number {
  return timeoutMs > 0 ? timeoutMs : Infinity;
}

/** How long one event may take. */
function eventMsOf({ timeoutMs, outerTimeoutMs }: SimulatedTest): number {
  const { eventPart, eventMsMax, eventPartLong, eventMsLeast } = TIME_LIMITS;
  const timeMs = timeMsOf(outerTimeoutMs ?? timeoutMs);
  const eventMs = Math.min(timeMs * eventPart, Math.max(eventMsMax, timeMs * eventPartLong));
  return outerTimeoutMs === undefined ? eventMs : Math.max(eventMs, eventMsLeast);
}

/**
 * A failing execution comes before an error of one that has ended, which is added to its report. Such an error comes
 * before a difference, which it may explain; a snapshot difference comes before a lack of time.
 */
function mostInformative(
  { late, test: { snapshots } }: TestRun,
  found: FoundFailure | undefined,
): FoundFailure | undefined {
  if (found !== undefined && 'failing' in found) return found;
  if (late.first !== undefined) return { kind: 'late', error: late.first };
  const difference = snapshots?.difference;
  if (difference === undefined || found?.kind === 'different') return found;
  return { kind: 'snapshot', difference };
}

/**
 * How two executions with the same decisions differ, among the plain schedule and `runs` explored executions, with what
 * was decided and the likely cause; undefined if none do.
 *
 * @throws RunnerError (rejects) `RUNNER_CANCELLED` if none did before the executions were ended from outside;
 * `RUNNER_SIMULATION_MISUSE` if none could, because each was ended by its limit of events.
 */
export async function differenceIn(test: SimulatedTest): Promise<string | undefined> {
  const { options = {}, now, signal } = test;
  checkTestOptions(options);
  const { runs = DEFAULT_RUNS, seed = DEFAULT_SEED } = options;
  checkSeed('seed', seed);
  const turnMs = eventMsOf(test);
  const turns = new GuardedTurns({ now, turnMs, why: timeUpText(Infinity) });
  const simulation = simulationOf(test);
  const campaign = runCampaign(
    new TurnGuardedExecutor(simulation, turns, DEFAULT_SEED),
    portfolioStrategy(seed),
    {
      maxExecutions: runs,
      corpus: [{ id: PLAIN, decisions: [] }],
      auditEvery: 1,
      keepGoing: true,
      shouldStop: () => signal?.aborted === true,
    },
  );
  // What watches code between turns would end code of the test.
  const { audit, stoppedBy, cutOff, executions, failures } = await campaign.finally(() => turns.end());
  const [difference] = audit.differences;
  if (difference === undefined) {
    if (turns.isStuck) throw new RunnerError('RUNNER_CANCELLED', loopText(turnMs));
    if (stoppedBy === 'stopped') throw endedFromOutside(signal, cutOff[0]?.message);
    if (audit.repeated === 0) throw nothingCompared(executions, failures[0]?.message);
    return undefined;
  }
  const { differenceText } = await import('./failed-test.ts');
  return differenceText(difference, simulation.ambient !== undefined);
}

function loopText(turnMs: number): string {
  return `One event took more than ${formatCount(turnMs)} ms and was ended, as a loop without an end is. toHoldInvariants finds its lines`;
}

function nothingCompared(executions: number, message = ''): RunnerError {
  const text = `none of ${counted(executions, 'execution')} has an end that could be compared: ${message}`;
  return new RunnerError('RUNNER_SIMULATION_MISUSE', text);
}

/** Of executions that were ended before they showed anything. */
export function endedFromOutside(
  signal: AbortSignal | undefined,
  message = `The simulation was ended from outside: ${messageOf(signal?.reason)}`,
): RunnerError {
  return new RunnerError('RUNNER_CANCELLED', message);
}

function timeUpText(timeMs: number): string {
  const time = timeMs === Infinity ? '' : ` of ${formatCount(timeMs)} ms`;
  return `The time${time} that the test has was nearly up, and this execution had not ended. { timeout } gives it more`;
}
