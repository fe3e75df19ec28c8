/**
 * Makes a shrunk failure readable: a sentence, a short history, the nearest execution that holds, the source lines that
 * matter, and a command line that repeats it. Invariant: it is plain data, and everything in it was observed by running
 * the log again.
 */
import * as is from '../../kernel/shape.ts';
import type { Decision } from '../../kernel/decisions.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { Executor } from '../executor.ts';
import { failureKey } from '../failure-key.ts';
import { keyDecisions, nonZeroOf } from '../keyed-log.ts';
import { lookingOften } from '../known-stall.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { awaitFeasibility } from './await-feasibility.ts';
import { aboutOf, answerText } from './question-text.ts';
import { type ObservedDecision, type ObservedRun, observe } from './observed-run.ts';
import { hasUserFrame, type SourcePlace } from './source-place.ts';
import { rulesNamedIn } from './named-rules.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { isOfWork } from './workload-decisions.ts';
import { historyOf, type HistoryLine } from './failure-history.ts';
import { describeNearestPass, type NearestPass, observedIn } from './nearest-history.ts';
import {
  type AnswerChange,
  type AskedDecision,
  findNearestPass,
  NEARBY_EXECUTIONS_MAX,
  type NearestPassOptions,
  type NearestPassSearch,
  type OtherFailure,
} from './nearest-pass.ts';
import { encodeToken } from '../replay-token.ts';
import { check } from '../../kernel/argument-check.ts';
import { EXECUTOR, LOG } from '../argument-shapes.ts';
import { type ComparedPass, ComparedPasses } from './compared-pass.ts';
import { awaitedPlaces } from './awaited-places.ts';
import { detailsOf, type FailureDetail } from './failure-details.ts';
import { noticedIn, placesOf } from './failure-places.ts';
import { sentenceOf } from './failure-sentence.ts';
import { LINES_MAX } from './history-length.ts';
import { repeatedDecisions } from './repeated-decisions.ts';
import { RunIndex } from './run-index.ts';
import { valueOutcomes, type ValueOutcomes } from './value-outcomes.ts';
import type { EventNames } from './event-name.ts';
import { stopOf } from '../stop-condition.ts';

/** Options of {@link explain}. */
export interface ExplainOptions {
  /** Reference of the scenario on a command line; default: the name of the executor's scenario. */
  readonly reference?: string;
  /** Seed of the executor's `world.random`, for the token; default: that of an exploration. */
  readonly seed?: string;
  /** Maximum number of lines of the history, including the failure; Infinity shows all; default 12. */
  readonly linesMax?: number;
  /**
   * Maximum number of executions in the search for the nearest passing one, and of other values; default 400. For a
   * stall, as many again: what fails under a short watch for stalls is tried a second time, as usual.
   */
  readonly maxExecutions?: number;
  /** Asked before each of these executions; true ends the search. */
  readonly shouldStop?: () => boolean;
  /** Called with the verdict of the execution that is explained, which has what was thrown in it. */
  readonly onExplained?: (verdict: Verdict) => void;
  /**
   * True if the same decisions have held before, so that something else leads to the failure: the sentence says so, and
   * no other decisions are tried. Default false.
   */
  readonly hasHeldBefore?: boolean;
}

/** The extent of the search for the nearest passing execution. */
export type NearestSearch = Omit<NearestPassSearch, 'passing' | 'otherFailure'> & {
  /**
   * Another failure nearby and the single decision that leads to it, in words; absent if all that fails nearby fails
   * alike.
   */
  readonly otherFailure?: string;
  /**
   * Number of decisions that were not varied because they are about work that an endless execution repeats; absent if
   * there are none.
   */
  readonly repeated?: number;
};

/** The explanation of a failure. */
export interface Explanation {
  readonly scenario: string;
  /** See `failureKey`. */
  readonly failureKey: string;
  readonly sentence: string;
  /** The part of the sentence that says what went wrong and what it took, without scenario and time. */
  readonly what: string;
  /** The user's line that noticed it, in a few words: `in Client.work (clients.ts:58)`; absent if there is none. */
  readonly noticed?: string;
  /**
   * The first of the contract rules that the sentence names by number, with their text: `R31 Nothing matches and …`.
   */
  readonly rules: readonly string[];
  readonly history: readonly HistoryLine[];
  /** Number of lines that the history does not show: trace events, and non-default decisions. */
  readonly leftOut: number;
  readonly details: readonly FailureDetail[];
  /** Absent if nothing that was tried nearby holds; {@link nearestSearch} says how much was tried. */
  readonly nearestPass?: NearestPass;
  /** How much was tried nearby. */
  readonly nearestSearch: NearestSearch;
  /** The choices on which it turns, with what becomes of it with their other values; none if they have no others. */
  readonly valueOutcomes: readonly ValueOutcomes[];
  readonly places: readonly SourcePlace[];
  /** The whole failure as a token; see `decodeToken`. */
  readonly token: string;
}

/** The rule about leftovers after the release of a runner, for a failure that names no rule. */
function ruleOfLeftovers({ events }: ObservedRun, { kind }: Failure): string {
  if (kind !== 'leftovers') return '';
  return events.some(({ event }) => isRelease(event)) ? 'R86' : '';
}

function isRelease(event: TraceEvent): boolean {
  return (
    event.type === 'released' ||
    (event.type === 'message' && event.kind === 'reply' && event.name === 'release')
  );
}

function otherFailureText({ names }: RunIndex, { decision, answer, message }: OtherFailure): string {
  const { question } = decision;
  const other =
    question.kind === 'fault'
      ? otherFaultText(decision, answer)
      : `with ${otherAnswerText(names, decision, answer)}`;
  return `${other} it fails differently: ${message}`;
}

function otherFaultText(decision: AskedDecision, answer: number): string {
  const about = `"${aboutOf(decision.question)}"`;
  if (answer === 0) return `without ${about}`;
  const words = answerText(decision, answer) ?? '';
  return words === '' ? `with ${about}` : `if ${words},`;
}

function otherAnswerText(names: EventNames, decision: AskedDecision, answer: number): string {
  const { due = [], drawn, question } = decision;
  if (drawn !== undefined) return `another ${drawn.label}`;
  if (due.length === 0) return `"${aboutOf(question)}" ${answerText(decision, answer) ?? answer}`;
  const [taken, other] = [due[decision.answer], due[answer]].map((event) => event && names.of(event));
  if (taken === undefined || other === undefined) return `another order of ${due.length} events`;
  return taken === other ? `another order of events ${taken}` : `${other} before ${taken}`;
}

function isCount(value: unknown): boolean {
  return value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 1);
}

const EXPLAIN_OPTIONS = is.optionsOf<ExplainOptions>(
  {},
  {
    reference: is.TEXT,
    seed: is.TEXT,
    linesMax: is.satisfying('an integer ≥ 1, or Infinity', isCount),
    maxExecutions: is.limit(),
    shouldStop: is.FUNCTION,
    onExplained: is.FUNCTION,
    hasHeldBefore: is.BOOLEAN,
  },
);

/**
 * Explains a failing log; a shrunk one gives the best explanation.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) for anything but an executor, and for a log that does
 * not fail.
 * @example
 * ```ts
 * import { createSimulatedRunner, defineScenario } from 'dryrunner';
 * import { question } from 'dryrunner/kernel';
 * import { createExecutor, explain } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'abort-wins',
 *   description: 'who aborts first wins',
 *   async run(sim) {
 *     const runner = createSimulatedRunner(sim.world, { name: 'worker' });
 *     const { runId } = await runner.run({ argv: ['sleep 80'], timeoutMs: 50 });
 *     await sim.sleep(50, 'patience');
 *     const { state } = await runner.abort(runId);
 *     sim.check(state === 'ABORTED', `run ${runId} was aborted and is ${state}`);
 *     await runner.release();
 *   },
 * });
 * const log = [{ question: question('order', 'patience'), n: 2, answer: 1 }];
 * const { nearestPass } = await explain(createExecutor(scenario), log);
 * if (nearestPass?.text !== 'If "patience" had come before the deadline of run 0 at 50 ms, nothing would have failed.') {
 *   throw new Error(nearestPass?.text);
 * }
 * ```
 */
export async function explain(
  executor: Executor,
  log: readonly Decision[],
  options: ExplainOptions = {},
): Promise<Explanation> {
  checkArguments(executor, log, options);
  const { reference = executor.scenario, linesMax = LINES_MAX, seed, hasHeldBefore = false } = options;
  const shouldStop = stopOf(options.shouldStop);
  const run = await observe(executor, keyDecisions(log), true);
  const { failure } = run.verdict;
  if (failure === undefined) throw invalidArgument('log', 'a log that fails', log);
  options.onExplained?.(run.verdict);
  const index = new RunIndex(run);
  const awaited = await awaitedPlaces(executor, run.decisions, failure, shouldStop);
  const near = hasHeldBefore ? NOTHING_NEAR : await whatIsNear(executor, index, failure, options);
  const { passing } = near;
  const { lines, leftOut } = historyOf(index, failure, linesMax, near.decisive);
  const feasibility = await awaitFeasibility(executor, run, shouldStop);
  const { sentence, what } = sentenceOf(index, failure, hasHeldBefore);
  const noticed = noticedIn(failure);
  return {
    scenario: executor.scenario,
    failureKey: failureKey(failure),
    ...{ sentence, what },
    ...(noticed === undefined ? {} : { noticed }),
    rules: rulesNamedIn(`${sentence} ${ruleOfLeftovers(run, failure)}`),
    history: lines,
    leftOut,
    details: [...feasibility, ...detailsOf(index, failure, awaited)],
    ...(passing === undefined ? {} : { nearestPass: describeNearestPass(index, passing, near.changes) }),
    nearestSearch: near.search,
    valueOutcomes: near.outcomes,
    places: placesOf(index, failure, passing?.index, near.changes, hasHeldBefore),
    token: tokenText(run, failure, { reference, seed }),
  };
}

/** What other decisions lead to. */
interface Near {
  readonly search: NearestSearch;
  /** What differs in the nearest passing execution; none without one. */
  readonly changes: readonly AnswerChange[];
  /** The same decisions, as they were in the failing execution. */
  readonly decisive: readonly ObservedDecision[];
  readonly outcomes: readonly ValueOutcomes[];
  readonly passing?: ComparedPass;
}

/** Other decisions explain nothing about a failure that is not due to decisions. */
const NOTHING_NEAR: Near = {
  search: { executions: 0, isComplete: true, untried: 0 },
  ...{ changes: [], decisive: [], outcomes: [] },
};

async function whatIsNear(
  executor: Executor,
  index: RunIndex,
  failure: Failure,
  options: ExplainOptions,
): Promise<Near> {
  const { run } = index;
  const { maxExecutions = NEARBY_EXECUTIONS_MAX } = options;
  const passes = new ComparedPasses(executor, index);
  const repeated: ReadonlySet<AskedDecision> = repeatedDecisions(run);
  // Less work is not an explanation.
  const isFixed = (decision: AskedDecision): boolean =>
    repeated.has(decision) || isOfWork(decision, index.callers);
  const { passing, otherFailure, ...search } = await searchNearby(executor, run, {
    ...options,
    maxExecutions,
    failureKey: failureKey(failure),
    isFixed,
    explainsNothing: (decision, answer) => isAboutOwnSleep(run, decision, answer),
    isHollow: async (answers) => (await passes.of(answers)).lack !== undefined,
  });
  const changes = passing?.changes ?? [];
  const decisive = changes.flatMap((change) => observedIn(run, change) ?? []);
  const outcomes = await valueOutcomes(executor, index, decisive, {
    maxExecutions: maxExecutions - search.executions,
    shouldStop: stopOf(options.shouldStop),
    isFixed,
  });
  return {
    search: {
      ...search,
      ...(otherFailure === undefined ? {} : { otherFailure: otherFailureText(index, otherFailure) }),
      ...(repeated.size === 0 ? {} : { repeated: repeated.size }),
    },
    ...{ changes, decisive, outcomes },
    ...(passing === undefined ? {} : { passing: await passes.of(passing.answers) }),
  };
}

/**
 * What holds under a short watch for stalls holds under the usual one, but what stalls under it may hold: if all of
 * that fails, it is tried again as an ordinary execution.
 */
async function searchNearby(
  executor: Executor,
  { decisions, verdict }: ObservedRun,
  { failureKey: key, ...options }: NearestPassOptions & { readonly failureKey: string },
): Promise<NearestPassSearch> {
  if (verdict.failure?.kind === 'stall') {
    const inBrief = await findNearestPass(lookingOften(executor), decisions, options);
    if (inBrief.passing !== undefined) return inBrief;
  }
  return findNearestPass(executor, decisions, { ...options, failureKey: key });
}

function tokenText(
  { verdict }: ObservedRun,
  failure: Failure,
  { reference, seed }: { readonly reference: string; readonly seed: string | undefined },
): string {
  return encodeToken({
    scenario: reference,
    failureKey: failureKey(failure),
    traceHash: verdict.traceHash,
    ...(failure.kind === 'budget' ? { maxEvents: verdict.firedEvents } : {}),
    ...(seed === undefined ? {} : { seed }),
    decisions: nonZeroOf(keyDecisions(verdict.decisions())),
  });
}

/**
 * True for the end of a sleep that no user line has set: a pause of a workload's client, which says nothing about the
 * subject. A sleep of which it is not known where it was set may be the user's.
 */
function isAboutOwnSleep(
  { firings, asleep }: ObservedRun,
  { due = [], answer }: AskedDecision,
  instead: number,
): boolean {
  return [due[answer], due[instead]].some((event) => {
    if (event?.topic !== SCENARIO_SLEEP) return false;
    const place = firings.get(event.id)?.place ?? asleep.get(event.id)?.text;
    return place !== undefined && !hasUserFrame(place);
  });
}

function checkArguments(executor: Executor, log: readonly Decision[], options: ExplainOptions): void {
  check('executor', executor, EXECUTOR);
  check('log', log, LOG);
  check('options', options, EXPLAIN_OPTIONS);
}
