/**
 * Makes a shrunk failure readable: a sentence, a short history, the nearest execution that holds, the source lines that matter, and one
 * line that repeats it. Invariant: it is plain data, and everything in it was observed by running the log again.
 */
import * as is from '../../kernel/shape.ts';
import { ExecutionInterrupted, type Decision, type DecisionSource } from '../../kernel/decisions.ts';
import { countedAlike, type FailureFact, factLine, factsOf } from '../../simulation/failure-fact.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { Executor } from '../executor.ts';
import { failureKey, headlineOf } from '../failure-key.ts';
import { answersOf, type KeyedDecision, keyDecisions, nonZeroOf } from '../keyed-log.ts';
import { lookingOften } from '../known-stall.ts';
import type { QuestionKind } from '../../kernel/question.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { eventText } from '../../trace/event-text.ts';
import { awaitFeasibility } from './await-feasibility.ts';
import { EventNames } from './event-name.ts';
import { actText, aboutOf, answerText } from './question-text.ts';
import {
  type DueEvent,
  type ObservedRun,
  type ObservedStep,
  unusualDecisions,
  type ObservedDecision,
  observe,
} from './observed-run.ts';
import {
  framesOf,
  hasUserFrame,
  framesOfThrower,
  placeOf,
  shortPlaceOf,
  type SourcePlace,
} from './source-place.ts';
import { rulesNamedIn } from './named-rules.ts';
import { counted } from '../../model/plural.ts';
import { PassedOver } from './passed-over.ts';
import { ShownFaults } from './shown-fault.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import { invalidArgument, stackOf } from '../../kernel/errors.ts';
import { isAboutHolding, unfreedIn } from './held-resources.ts';
import { callersIn, isOfWork } from './exchanges.ts';
import { historyOf, type HistoryLine } from './failure-history.ts';
import { observedIn, tellApart, type NearestPass } from './nearest-history.ts';
import {
  type AskedDecision,
  findNearestPass,
  type NearestPassSearch,
  type OtherFailure,
  type PassingLog,
} from './nearest-pass.ts';
import { encodeToken } from '../replay-token.ts';
import { check } from '../../kernel/argument-check.ts';
import { EXECUTOR, LOG } from '../argument-shapes.ts';

/**
 * Where the scenario waits in a standstill, or for what comes from outside, by line. Invariants: to see that costs more than the execution
 * does, so that it is run again for it, as short as it gets; what then fails in another way says nothing of this failure.
 *
 * The facts that say where the scenario waits; none if it does not wait, or if it is asked to stop.
 */
async function awaitedPlaces(
  executor: Executor,
  log: readonly KeyedDecision[],
  failure: Failure,
  shouldStop: (() => boolean) | undefined,
): Promise<readonly FailureFact[]> {
  if (!['deadlock', 'stall', 'escape'].includes(failure.kind)) return [];
  const key = failureKey(failure);
  const onTurn = (): void => {
    if (shouldStop?.() === true) throw new ExecutionInterrupted('there is no more time for it');
  };
  const source = (): DecisionSource => answersOf(log);
  const isPlaced = factsOf(failure).some(({ kind }) => kind === 'outside');
  const called =
    failure.kind === 'escape' && !isPlaced ? await calledPlaces(executor, source(), key, onTurn) : [];
  const request = { source: source(), captureAwaits: true };
  // What is found in brief is found at once.
  const inBrief = (): Promise<Verdict> => lookingOften(executor).execute(request);
  const inFull = (): Promise<Verdict> => executor.execute({ ...request, onTurn });
  for (const execute of failure.kind === 'stall' ? [inBrief, inFull] : [inFull]) {
    const { failure: again } = await execute();
    if (again !== undefined && failureKey(again) === key) {
      return [...called, ...factsOf(again).filter(({ kind }) => kind === 'await' || kind === 'promise')];
    }
  }
  return called;
}

/** What was called outside, by one more execution: what reports it keeps awaits from being seen. */
async function calledPlaces(
  executor: Executor,
  source: DecisionSource,
  key: string,
  onTurn: () => void,
): Promise<readonly FailureFact[]> {
  const { failure } = await executor.execute({ source, captureOutside: true, onTurn });
  if (failure === undefined || failureKey(failure) !== key) return [];
  return factsOf(failure).filter(({ kind }) => kind === 'outside');
}

/** What was done last, and where. */
interface LastStep {
  /** Without the time at which it was. */
  readonly what: string;
  readonly text: string;
  readonly frames: readonly string[];
}

/** Kinds of questions that are answered by a value. */
const CHOSEN: ReadonlySet<QuestionKind> = new Set(['choice', 'draw']);

/** So many steps say where each of a few tasks stands. */
const STEPS_MAX = 4;
const FRAMES_MAX = 3;
/** More than these at once are no coincidence. */
const TOGETHER_MAX = 5;

/**
 * What is known of a standstill: what was due together in its last instant, and what the scenario did last and where. Invariant: it was
 * observed, not concluded; the promise that is awaited may be nobody's but the user's.
 *
 * What was due together in the last instant, in one line; undefined if nothing was.
 */
function coincidenceIn(run: ObservedRun, names: EventNames, atMs: number): string | undefined {
  const orders = run.decisions.filter(
    ({ due, answer }) => run.firings.get(due[answer]?.id ?? 0)?.atMs === atMs,
  );
  // What was due when the instant began, unless much of what fell into it only followed from that.
  const first = orders.find(({ due }) => due.length <= TOGETHER_MAX);
  if (first === undefined) return undefined;
  const fired = [...run.firings.keys()];
  const inOrder = first.due
    .filter(({ id }) => run.firings.has(id))
    .sort((a, b) => fired.indexOf(a.id) - fired.indexOf(b.id));
  const named = (events: readonly DueEvent[]): string =>
    events.map((event) => names.of(event)).join(', then ');
  const cancelled = first.due.filter(({ id }) => !run.firings.has(id));
  const never = cancelled.map((event) => `; ${names.of(event)} was cancelled then, and never fired`).join('');
  return `due together at ${atMs} ms: first ${named(inOrder)} fired${never}`;
}

/** The last things that the scenario did, as far as they passed through this package. */
function lastStepsIn(run: ObservedRun, names: EventNames): LastStep[] {
  const order = new Map([...run.firings.keys()].map((id, at) => [id, at + 1]));
  const ofFirings = [...run.firings.values()].map((firing) => ({
    at: order.get(firing.id) ?? 0,
    textOf: () => `${names.of(firing)} fired at ${firing.atMs} ms`,
    atMs: undefined,
    stackText: () => firing.place ?? '',
  }));
  // What is chosen is there at once, so nobody waits for it.
  const acts = run.steps.filter(({ done }) => 'type' in done || !CHOSEN.has(done.question.kind));
  const ofSteps = acts.map((step) => ({
    at: order.get(step.firingId) ?? 0,
    textOf: () => stepText(step.done),
    atMs: 'type' in step.done ? step.done.at : (run.firings.get(step.firingId)?.atMs ?? 0),
    stackText: () => step.stack.text,
  }));
  // What a firing brought comes after it: the sort keeps the order of those of one firing.
  const all = [...ofFirings, ...ofSteps].sort((a, b) => a.at - b.at);
  const last = new Map<number, LastStep>();
  for (const { at, atMs, textOf, stackText } of all.reverse()) {
    if (last.size >= STEPS_MAX) break;
    const stack = stackText();
    // Of what one event brought, the last says how far it came.
    if (last.has(at) || !hasUserFrame(stack)) continue;
    const what = textOf();
    const text = atMs === undefined ? what : `${atMs} ms: ${what}`;
    last.set(at, { what, text, frames: framesOf(stack).slice(0, FRAMES_MAX) });
  }
  return [...last.values()].reverse();
}

function stepText(done: ObservedStep['done']): string {
  return 'type' in done ? eventText(done) : `${actText(done.question)} was asked for`;
}

const SHOWN_MAX = 3;
/** What says most first. */
const TELLING: readonly QuestionKind[] = ['fault', 'order', 'delay', 'choice', 'draw'];

/**
 * One sentence that says what went wrong and what it took. Invariant: it claims no cause beyond the decisions without which it holds.
 */
function sentenceOf(run: ObservedRun, failure: Failure): Pick<Explanation, 'sentence' | 'what'> {
  const what = `${whatOf(failure)}${circumstances(run)}.`;
  return { sentence: `${run.verdict.scenario} fails at ${failure.atMs} ms: ${what}`, what };
}

function whatOf(failure: Failure): string {
  const { kind, rule, message } = failure;
  const text = headlineOf(message).headline.replace(/\.$/, '');
  switch (kind) {
    case 'rule':
      return `rule ${rule} is broken, ${text}`;
    case 'error':
      return `"${text}" was thrown`;
    case 'deadlock':
    case 'stall':
      return standstillText(failure, text);
    case 'check':
    case 'always':
    case 'eventually':
    case 'leftovers':
    case 'escape':
    case 'budget':
    case 'diverged':
    case 'interrupted':
    case 'abandoned':
      return text;
  }
}

/** What does not go on, and who waits for what. */
function standstillText(failure: Failure, text: string): string {
  const { standstill } = failure;
  if (standstill === undefined) return text;
  const { what, wait } = standstill;
  const facts = factsOf(failure);
  if (wait === 'circle') return `${text}: ${facts.find(({ kind }) => kind === 'circle')?.brief ?? ''}`;
  const owed = facts.find(({ isOwed }) => isOwed);
  if (owed !== undefined) return `${what}, and ${factLine(owed)}`;
  if (wait === 'held') return facts[0] === undefined ? text : `${text}, such as ${factLine(facts[0])}`;
  // Whose promise it is that nothing settles: of calls to others, the first that was made.
  const [first, ...others] = facts.filter(isWait);
  if (first === undefined) return text;
  const more = others.length === 0 ? '' : `, beside ${counted(others.length, 'other wait')}`;
  return `${what}, and ${factLine(first)}${more}`;
}

function isWait({ kind }: FailureFact): boolean {
  return kind === 'wait' || kind === 'circle';
}

function circumstances(run: ObservedRun): string {
  const names = new EventNames(run);
  const faults = new ShownFaults(run, names);
  const unusual = unusualDecisions(run);
  const said = new Set(unusual.flatMap((decision) => faults.detailsBehind(decision)));
  const decisions = unusual.filter((decision) => !said.has(decision));
  const callers = callersIn(run);
  // Which work there is shows in the history, as calls.
  const telling = decisions.filter((decision) => !isOfWork(decision, callers));
  if (decisions.length === 0) return ', also with every choice at its default';
  if (telling.length === 0) return '';
  const passed = new PassedOver(decisions);
  const shown = telling
    .filter((decision) => passed.isShown(decision))
    .sort((a, b) => weightOf(faults, a) - weightOf(faults, b))
    .slice(0, SHOWN_MAX);
  const inOrder = decisions
    .filter((decision) => shown.includes(decision))
    .map((decision) => passed.textOf(decision, names) ?? faults.textOf(decision));
  const others = telling.length - shown.reduce((sum, decision) => sum + passed.countOf(decision), 0);
  const differ = others === 1 ? 'differs' : 'differ';
  if (inOrder.length === 0) return `, when ${counted(others, 'choice')} ${differ} from the default`;
  const more = others <= 0 ? '' : `, and ${counted(others, 'more choice')} ${differ} from the default`;
  return `, when ${inOrder.join(' and ')}${more}`;
}

/** A fault that spared what it was asked about says least. */
function weightOf(faults: ShownFaults, decision: ObservedDecision): number {
  return faults.isSpared(decision) ? TELLING.length : TELLING.indexOf(decision.question.kind);
}

/** A history is to be read at one glance. */
const LINES_MAX = 12;
/** How far back a line of the user is looked for. */
const MAKERS_MAX = 10;

/** What {@link explain} takes. */
export interface ExplainOptions {
  /** How the scenario is named on a command line; default: the name of the executor's scenario. */
  readonly reference?: string;
  /** The seed of the executor's `world.random`, for the token; default: that of an exploration. */
  readonly seed?: string;
  /** Lines of the history at most, the failure included; default 12. */
  readonly linesMax?: number;
  /** Executions that the search for the nearest passing one may take; default 400. */
  readonly maxExecutions?: number;
  /** Asked before each of them. */
  readonly shouldStop?: () => boolean;
}

/** A detail of the failure: what is left, who waits, what repeats; also the lines of a message after its first paragraph. */
export interface FailureDetail {
  readonly text: string;
  /** Where it was made, the nearest line first. */
  readonly frames: readonly string[];
}

/** How far the search for the nearest passing execution came. */
export type NearestSearch = Omit<NearestPassSearch, 'passing' | 'otherFailure'> & {
  /** Absent if all that fails nearby fails alike: what one other decision leads to, in words. */
  readonly otherFailure?: string;
};

/** Everything that is said about a failure. */
export interface Explanation {
  readonly scenario: string;
  /** See `failureKey`. */
  readonly failureKey: string;
  readonly sentence: string;
  /** The part of the sentence that says what went wrong and what it took, without scenario and time. */
  readonly what: string;
  /** The line of the user's that noticed it, in a few words: `in Client.work (clients.ts:58)`; absent if none did. */
  readonly noticed?: string;
  /** The rules of the contract that the sentence names by number, the first of them in their words: `R31 Nothing matches and …`. */
  readonly rules: readonly string[];
  readonly history: readonly HistoryLine[];
  /** Lines that the history does not show: trace events, and decisions that are not plain. */
  readonly leftOut: number;
  readonly details: readonly FailureDetail[];
  /** Absent if nothing that was tried nearby holds; {@link nearestSearch} says how much that was. */
  readonly nearestPass?: NearestPass;
  /** How much was tried nearby. */
  readonly nearestSearch: NearestSearch;
  readonly places: readonly SourcePlace[];
  /** Everything in one word; see `decodeToken`. */
  readonly token: string;
}

/** What a failure that names none is held to: whatever is left, once a runner has been released. */
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

function otherFailureText({ decision, answer, message }: OtherFailure): string {
  const value = answerText(decision, answer) ?? String(answer);
  return `with "${aboutOf(decision.question)}" ${value} it fails differently: ${message}`;
}

const EXPLAIN_OPTIONS = is.optionsOf<ExplainOptions>(
  {},
  {
    reference: is.TEXT,
    seed: is.TEXT,
    linesMax: is.integer(1),
    maxExecutions: is.limit(),
    shouldStop: is.FUNCTION,
  },
);

/**
 * Explains a failing log, best a shrunk one.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) for anything but an executor, and for a log that does not fail.
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
  const { reference = executor.scenario, linesMax = LINES_MAX, seed } = options;
  const keyed = keyDecisions(log);
  const run = await observe(executor, keyed, true);
  const { failure } = run.verdict;
  if (failure === undefined) throw invalidArgument('log', 'a log that fails', log);
  const awaited = await awaitedPlaces(executor, run.decisions, failure, options.shouldStop);
  const trials = failure.kind === 'stall' ? lookingOften(executor) : executor;
  const key = failureKey(failure);
  const search = await findNearestPass(trials, run.decisions, {
    ...options,
    failureKey: key,
    isFixed: isOfWorkIn(run),
    explainsNothing: (decision, answer) => isAboutOwnSleep(run, decision, answer),
  });
  const { passing: passLog, otherFailure, ...nearestSearch } = search;
  const passRun = passLog === undefined ? undefined : await observe(executor, passLog.answers, true);
  const { lines, leftOut } = historyOf(run, failure, linesMax);
  const feasibility = await awaitFeasibility(executor, run, options.shouldStop);
  const { sentence, what } = sentenceOf(run, failure);
  const noticed = noticedIn(failure);
  return {
    scenario: executor.scenario,
    failureKey: key,
    ...{ sentence, what },
    ...(noticed === undefined ? {} : { noticed }),
    rules: rulesNamedIn(`${sentence} ${ruleOfLeftovers(run, failure)}`),
    history: lines,
    leftOut,
    details: [...feasibility, ...detailsOf(run, failure, awaited)],
    ...(passLog === undefined || passRun === undefined
      ? {}
      : { nearestPass: tellApart(run, passRun, passLog.changes) }),
    nearestSearch: {
      ...nearestSearch,
      ...(otherFailure === undefined ? {} : { otherFailure: otherFailureText(otherFailure) }),
    },
    places: [
      ...placesThatMatter(run, passRun, passLog),
      ...placesOfHolder(run, failure),
      ...placeWhereNoticed(failure),
    ],
    token: tokenText(run, failure, { reference, seed }),
  };
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

/** That less is asked for is no explanation. */
function isOfWorkIn(
  run: ObservedRun,
): (decision: Pick<ObservedDecision, 'question' | 'describe'>) => boolean {
  const callers = callersIn(run);
  return (decision) => isOfWork(decision, callers);
}

/** Whether it is about when a sleep ends that no line of the user's has set: a pause of a workload's client, which says nothing of the subject. */
function isAboutOwnSleep(
  { firings }: ObservedRun,
  { due = [], answer }: AskedDecision,
  instead: number,
): boolean {
  return [due[answer], due[instead]].some(
    (event) => event?.topic === SCENARIO_SLEEP && !hasUserFrame(firings.get(event.id)?.place ?? ''),
  );
}

function checkArguments(executor: Executor, log: readonly Decision[], options: ExplainOptions): void {
  check('executor', executor, EXECUTOR);
  check('log', log, LOG);
  check('options', options, EXPLAIN_OPTIONS);
}

/** What the package took by itself was taken where it always is. */
function detailOf(fact: FailureFact): FailureDetail {
  const { stack = '' } = fact;
  return { text: factLine(fact), frames: hasUserFrame(stack) ? framesOf(stack) : [] };
}

/** Who waits comes first, with where the scenario itself does. */
function detailsOf(run: ObservedRun, failure: Failure, awaited: readonly FailureFact[]): FailureDetail[] {
  const facts = factsOf(failure);
  // Of a stack that is not the same the rest may be our own.
  const waits = countedAlike(facts.filter(isWait), placedText).map(detailOf);
  const known = new Set(waits.flatMap(({ frames }) => frames));
  const places = countedOnce(awaited)
    .map(detailOf)
    .filter(({ frames: [first] }) => first !== undefined && !known.has(first));
  return [
    ...headlineOf(failure.message).rest.map((text) => ({ text, frames: [] })),
    ...waits,
    ...places,
    ...facts.filter((fact) => !isWait(fact)).map(detailOf),
    ...standstillDetails(run, failure, waits, waits.length + places.length > 0),
  ];
}

/** What is said of it, and the lines of the user's that are shown. */
function placedText(fact: FailureFact): string {
  return [fact.text, ...detailOf(fact).frames].join('\n');
}

/** Tasks that run the same code wait at the same lines. */
function countedOnce(facts: readonly FailureFact[]): FailureFact[] {
  return [...new Map(facts.map((fact) => [placedText(fact), fact])).values()];
}

/** What nobody waits for by name may be known by what was done last. */
function standstillDetails(
  run: ObservedRun,
  { kind, atMs, standstill }: Failure,
  waits: readonly FailureDetail[],
  isPlaced: boolean,
): FailureDetail[] {
  if (kind !== 'deadlock' && kind !== 'stall') return [];
  // Who waits for whom says it all.
  if (standstill?.wait === 'circle') return [];
  // The last steps of a stall are those of what goes on for ever.
  if (kind === 'stall' && isPlaced) return [];
  const names = new EventNames(run);
  const together = kind === 'deadlock' ? coincidenceIn(run, names, atMs) : undefined;
  // Where somebody waits was said with the wait.
  const steps = lastStepsIn(run, names).filter(
    ({ what }) => !waits.some(({ text }) => text.startsWith(what)),
  );
  return [
    ...(together === undefined ? [] : [{ text: together, frames: [] }]),
    ...(steps.length === 0 ? [] : [{ text: 'the last steps of the scenario that are known:', frames: [] }]),
    ...steps.map(({ text, frames }) => ({ text, frames })),
  ];
}

/** Where the two events were made whose order matters, or who asked what was decided. */
function placesThatMatter(
  failing: ObservedRun,
  passRun: ObservedRun | undefined,
  passLog: PassingLog | undefined,
): SourcePlace[] {
  const change = passLog?.changes[0];
  const decision = change === undefined ? undefined : observedIn(failing, change);
  if (change === undefined || decision === undefined) return [];
  const { due, answer, asked, drawn, question } = decision;
  if (due.length === 0) {
    const isChosen = question.kind === 'choice' || question.kind === 'draw';
    const done = drawn !== undefined ? 'drawn' : isChosen ? 'decided' : 'asked for';
    const what = drawn === undefined ? actText(question) : `"${drawn.name}"`;
    return placeOf(`${what} was ${done}`, asked?.text);
  }
  return [due[answer], due[change.answer]].flatMap((event) => {
    if (event === undefined) return [];
    // What was passed over may not have fired before the end of the failing execution.
    const run = failing.firings.has(event.id) ? failing : passRun;
    return run === undefined ? [] : placesOfEvent(run, event.id);
  });
}

/** Where an event was made; if no line of the user is there, where its maker was made, or the maker of that. */
function placesOfEvent(run: ObservedRun, id: number): SourcePlace[] {
  const { firings } = run;
  const names = new EventNames(run);
  const event = firings.get(id);
  if (event === undefined) return [];
  let maker: EventInfo | undefined = event;
  for (let steps = 0; maker !== undefined && steps < MAKERS_MAX; steps += 1) {
    const { place = '' } = maker;
    const what = maker === event ? '' : ` goes back to ${names.of(maker)}, which`;
    if (hasUserFrame(place)) return placeOf(`${names.of(event)}${what} was set`, place);
    maker = firings.get(maker.cause);
  }
  return placeOf(`${names.of(event)} was set`, event.place);
}

/** What is left was mostly taken by a runner on its own; the cause stands further up. */
function placesOfHolder(run: ObservedRun, failure: Failure): SourcePlace[] {
  const [first] = isAboutHolding(failure) ? unfreedIn(run.events) : [];
  return first === undefined ? [] : placesOfEvent(run, first.firingId);
}

function placeWhereNoticed({ cause, kind }: Failure): SourcePlace[] {
  const stack = stackOf(cause);
  if (kind === 'error' || kind === 'leftovers') {
    return placeOf('the error was thrown', stack, framesOfThrower);
  }
  const reason = reasonOf(cause);
  const thrown =
    reason === undefined ? [] : placeOf(`${reason.name} was thrown`, stackOf(reason), framesOfThrower);
  if (thrown.length > 0) return thrown;
  // A check of this package's own says nothing by its line.
  return stack !== undefined && hasUserFrame(stack) ? placeOf('the failure was noticed', stack) : [];
}

function noticedIn({ cause }: Failure): string | undefined {
  const stack = stackOf(reasonOf(cause) ?? cause);
  return stack === undefined ? undefined : shortPlaceOf(stack);
}

/** The error that a failure was made of. Anything may be thrown, also what throws when it is looked at. */
function reasonOf(cause: unknown): Error | undefined {
  try {
    return cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined;
  } catch {
    return undefined;
  }
}
