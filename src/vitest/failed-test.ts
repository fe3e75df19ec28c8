/**
 * Builds the error of a failing `simTest`: what `explore` prints about the failure, and the command line that repeats
 * it. Invariants: its stack has only lines of the user's files, beginning with the line that noticed the failure,
 * because Vitest shows that one; it has no `cause`, because Vitest would show that instead.
 */
import { hub } from '../ambient/hub.ts';
import type { GuardedTurns } from '../ambient/guarded-turns.ts';
import type { AuditDifference } from '../explore/campaign-report.ts';
import type { Explanation } from '../explore/explain/explanation.ts';
import { allLinesText, formatFindings, type ExplanationLine } from '../explore/explain/explanation-text.ts';
import { DIFFERENCE_HEADLINES, moduleStateLines, OUTSIDE_CAUSE } from '../explore/explain/difference-text.ts';
import { formatDetails, formatKnown, formatEffort } from '../explore/explain/failing-text.ts';
import { plainHistory } from '../explore/explain/plain-history.ts';
import { unrepeatedText } from '../explore/explain/unrepeated-text.ts';
import { frameFrom, framesOf, hasUserFrame } from '../explore/explain/source-place.ts';
import { eventBound, failingExecution, type FailingExecution } from '../explore/failing-execution.ts';
import { failureKey } from '../explore/failure-key.ts';
import { withinEvents } from '../explore/event-budget.ts';
import type { Executor } from '../explore/executor.ts';
import { unusualCount } from '../explore/keyed-log.ts';
import type { ExplainLimits } from '../explore/shrink-and-explain.ts';
import type { Decision } from '../kernel/decisions.ts';
import { isInstance } from '../kernel/argument-check.ts';
import { keyedReplayDecisions } from '../kernel/replay-decisions.ts';
import { causeOf, errorNameOf, messageOf, RunnerError } from '../kernel/errors.ts';
import { isStackLine, stackLine } from '../kernel/stack-line.ts';
import { withoutColours } from '../kernel/one-line.ts';
import { counted, formatCount } from '../model/plural.ts';
import { framesOfThrown } from '../simulation/scenario-stack.ts';
import { SimulationFailedError } from '../simulation/simulation-failed-error.ts';
import { kindText, type Verdict } from '../simulation/verdict.ts';
import { beginningLines, beginningOf, causedLines, repeatLines } from './repeat-lines.ts';
import { relativePath } from './relative-path.ts';
import type {
  FoundExecution,
  FoundFailure,
  SimulatedTest,
  SnapshotDifference,
  TakenSnapshot,
  TestRun,
} from './test-run.ts';

/** The execution that the report is about. */
interface ReportedExecution extends FoundExecution {
  /** True if the same decisions have held before: neither token nor log is kept, because none repeats the failure. */
  readonly hasHeldBefore?: boolean;
  /** The execution that is explained, with what was thrown in it. */
  readonly explainedVerdict?: Verdict | undefined;
}

/** Limits in milliseconds; if less time is left, the parts below apply. */
const SHRINK_MS_MAX = 5_000;
const EXPLAIN_MS_MAX = 3_000;
const SHRINK_PART = 0.6;
const EXPLAIN_PART = 0.3;
/** Part of the test's time for running the failure again to see what it throws. */
const AGAIN_PART = 0.05;
const AGAIN_MS_MAX = 1_000;
/** Part of the time until Vitest's timeout for observing which events repeat, or what is outside. */
const REPEATED_PART = 0.4;
/**
 * Decisions kept of an endless execution. The beginning of its log leads there; the whole takes megabytes, and seconds
 * to write.
 */
const KEPT_MAX = 1 << 14;
/**
 * Decisions of a log that must be kept whole, since it fails at its end. A longer log is not kept; the command line or
 * the seed repeats it.
 */
const KEPT_WHOLE_MAX = 1 << 17;
/**
 * Milliseconds of each look at an endless loop. Each is longer than the one before, because on a busy machine a short
 * one may see nothing.
 */
const LOOKS_MS = [100, 250, 500] as const;
/** Part of the time until Vitest's timeout that a later look may take. */
const LOOK_PART = 0.25;
/** Kinds of failure of properties that are stated once and judged later. */
const STATED: ReadonlySet<string> = new Set(['always', 'eventually']);

/** Shrinks and explains a failure as far as time allows, keeps its log, and returns the error that reports it. */
export async function failedTest(run: TestRun, found: FoundFailure): Promise<Error> {
  if (found.kind === 'different') return differentTest(run, found.difference);
  if (found.kind === 'snapshot') return snapshotTest(run, found.difference);
  if (found.kind === 'late') return lateTest(run, found.error);
  if (found.kind === 'unfinished') return unfinishedTest(run, found);
  if (found.kind === 'cut off') return cutOffTest(run, found);
  return failingTest(run, (await causedByEarlier(run, found)) ?? found);
}

async function failingTest(run: TestRun, first: ReportedExecution): Promise<Error> {
  const found = await explainedInTime(run, first);
  const failing = await kept(run, found);
  const { soft } = run.test;
  // Soft assertions are known of the execution that ran last only, and explaining has run others.
  const asShown = soft?.hasAny === true ? undefined : verdictShown(run, found);
  const verdict = asShown ?? (await seenAgain(run, failing, found.seed));
  const failedSoftly = soft?.takeLast() ?? [];
  const { explanation } = failing;
  const lines = [
    ...(found.gap === undefined ? [] : [`The log that was asked for ${found.gap}. What happens now:`, '']),
    ...(explanation === undefined ? unexplained(failing) : explained(explanation)),
    ...(await escapesOf(run, failing, found.seed)),
    ...causesOf(verdict),
    ...(failedSoftly.length === 0 ? [] : ['Soft assertions that failed before', ...indented(failedSoftly)]),
    ...lateLines(run),
    ...differenceLines(run, found),
    'To see it again',
    ...(found.hasHeldBefore === true ? causedLines(run.test) : repeatLines(run.test, found, failing)),
    ...(run.test.isReported === false
      ? []
      : [
          foundText(failing, found),
          ...formatEffort(
            failing,
            longerText,
            found.difference === undefined && failing.isUndecided !== true ? unrepeatedIn(run) : undefined,
          ),
          ...keptText(failing),
        ]),
  ];
  const frames = [thrownFrames(verdict), framesIn(explanation), framesInDetails(verdict)];
  return errorOf(run, verdict, lines, frames.find(({ length }) => length > 0) ?? []);
}

/**
 * The verdict of the execution that the report shows: the one that is explained, or else the one that was found.
 * Undefined if it has to be run again for what is not known of it.
 */
function verdictShown(run: TestRun, found: ReportedExecution): Verdict | undefined {
  const { failing, verdict, explainedVerdict } = found;
  if (failing.explanation !== undefined) return explainedVerdict ?? verdict;
  const isAsFound = failing.shrunk === undefined || failing.shrunk.flakiness !== undefined;
  if (!isAsFound) return undefined;
  // Where a property was stated is known only of an execution that captures places.
  const needsPlaces = STATED.has(failing.kind) && failing.shrunk === undefined;
  return needsPlaces ? undefined : (verdict ?? run.failed.verdictOf(failing));
}

/**
 * The execution that held when it was run first and now fails as the one that was found: no decision leads to the
 * failure, but what earlier executions have left behind. Undefined if there is none.
 */
async function causedByEarlier(run: TestRun, found: FoundExecution): Promise<ReportedExecution | undefined> {
  const { difference, failing } = found;
  if (difference?.heldFirst !== true || difference.laterKey !== failing.key) return undefined;
  const { decisions, seed } = difference;
  const executor = run.within(Math.min(AGAIN_MS_MAX, Math.max(run.leftMs(), 1)), seed).executor;
  const verdict = await executor.execute({ source: keyedReplayDecisions(decisions) });
  const { failure } = verdict;
  if (failure === undefined || failureKey(failure) !== failing.key) return undefined;
  return {
    ...found,
    failing: failingExecution(verdict, failure, failing),
    verdict,
    seed,
    hasHeldBefore: true,
  };
}

function indented(texts: readonly string[]): string[] {
  return texts.flatMap((text) => withoutFrames(text).split('\n')).map((line) => `  ${line}`);
}

/**
 * True if an earlier execution took all these decisions, and held: it went on where this one fails. Then no decision
 * leads to the failure.
 */
function hasHeld(
  { held }: TestRun,
  { failing, seed, isReplayed, hasHeldBefore }: ReportedExecution,
  decisions: readonly Decision[],
): boolean {
  if (hasHeldBefore === true) return true;
  // Another limit of events is no difference.
  if (failing.kind === 'budget' || isReplayed === true) return false;
  return held.haveTaken(seed, decisions);
}

/** The smallest execution in place of the one that was found. */
function asShrunk({ shrunk, ...failing }: FailingExecution): FailingExecution {
  if (shrunk === undefined) return failing;
  const { decisions, firedEvents, traceHash, message, atMs, details } = shrunk;
  return { ...failing, decisions, firedEvents, traceHash, message, atMs, details };
}

/** What differs between executions of the same decisions, and what is likely to make it differ. */
function differenceLines(run: TestRun, { difference, failing, hasHeldBefore }: ReportedExecution): string[] {
  if (difference === undefined) {
    if (hasHeldBefore !== true) return [];
    return [`${run.test.name}: ${HELD_HEADLINE}`, ...causeLines(run).map((line) => `  ${line}`)];
  }
  return [
    `${run.test.name}: ${DIFFERENCE_HEADLINES[difference.kind]}`,
    ...[difference.text, ...(failing.isUndecided === true ? [] : causeLines(run))].map((line) => `  ${line}`),
  ];
}

/** How an execution differs from another one of the same decisions, which decisions these are, and what is likely. */
export function differenceText({ text, decisions }: AuditDifference, isAmbient: boolean): string {
  return [text, ...decisionLines({ decisions }), ...causeLines({ isAmbient })].join('\n');
}

function causeLines({ isAmbient }: Pick<TestRun, 'isAmbient'>): readonly string[] {
  if (!isAmbient) return [OUTSIDE_CAUSE, NOT_VIRTUAL];
  return [
    ...moduleStateLines('Time and randomness are virtual here'),
    `It may also be I/O or another thread${hub.isPreloaded === true ? '' : CAPTURED}.`,
  ];
}

const HELD_HEADLINE = 'one execution leaks into the next: an earlier one took the same decisions, and held';
const NOT_VIRTUAL =
  'Without ambient: false, time and randomness are virtual, and sim.load loads a module anew.';
const CAPTURED =
  ', or, without dryrunner/vitest-plugin, a clock or randomness that code captured when it was loaded';

/**
 * Shrinks and explains the failure, unless there is no time left or nobody reads the report. One that was asked for, or
 * whose decisions have held before, is not shrunk; if those of the smallest execution have, that one is reported so.
 */
async function explainedInTime(run: TestRun, found: ReportedExecution): Promise<ReportedExecution> {
  const { failing, isReplayed = false, hasHeldBefore = false } = found;
  const { options = {}, isReported = true, isDebugged = false } = run.test;
  const leftMs = run.leftMs();
  if (isReplayed && isDebugged) return found;
  if (options.explain === false || !isReported || leftMs <= 0) {
    return { ...found, hasHeldBefore: hasHeld(run, found, failing.decisions) };
  }
  return isReplayed || hasHeldBefore
    ? explainedAsFound(run, found, leftMs)
    : shrunkAndExplained(run, found, leftMs);
}

async function explainedAsFound(
  run: TestRun,
  found: ReportedExecution,
  leftMs: number,
): Promise<ReportedExecution> {
  const { failing, seed, hasHeldBefore = false } = found;
  const { explainWithin } = await import('../explore/shrink-and-explain.ts');
  const { maxEvents } = eventBound(failing);
  const { decisions, firedEvents, scenario, key, seed: ofLog } = failing;
  const about = { scenario, key, seed: ofLog, firedEvents, maxEvents, hasHeldBefore };
  const { executor } = run.within(leftMs, seed);
  const seen: Verdict[] = [];
  // Nothing is shrunk, so the longer part is left for this.
  const limits = limitsOf(run, leftMs * SHRINK_PART, seen);
  const result = await explainWithin(executor, decisions, about, limits);
  return { ...found, explainedVerdict: seen.at(-1), failing: { ...failing, ...result } };
}

async function shrunkAndExplained(
  run: TestRun,
  found: ReportedExecution,
  leftMs: number,
): Promise<ReportedExecution> {
  const { failing, seed } = found;
  const { shrinkAndExplain } = await import('../explore/shrink-and-explain.ts');
  const { executor } = run.within(leftMs, seed);
  const seen: Verdict[] = [];
  const { hasHeldBefore = false, ...result } = await shrinkAndExplain(executor, failing, {
    ...limitsOf(run, leftMs * EXPLAIN_PART, seen),
    shrinkMs: Math.min(SHRINK_MS_MAX, leftMs * SHRINK_PART),
    haveHeldBefore: (decisions) => hasHeld(run, found, decisions),
  });
  const smallest = { ...failing, ...result };
  return {
    ...found,
    explainedVerdict: seen.at(-1),
    failing: hasHeldBefore ? asShrunk(smallest) : smallest,
    hasHeldBefore,
  };
}

/** `seen` gets the verdict of the execution that is explained. */
function limitsOf({ test, turns }: TestRun, explainMs: number, seen: Verdict[]): ExplainLimits {
  const { signal, now, linesMax } = test;
  return {
    linesMax,
    onExplained: (verdict) => void seen.push(verdict),
    explainMs: Math.min(EXPLAIN_MS_MAX, explainMs),
    mustStop: () => signal?.aborted === true || turns.isStuck,
    now,
  };
}

async function kept(
  run: TestRun,
  { failing, isReplayed = false, hasHeldBefore = false }: ReportedExecution,
): Promise<FailingExecution> {
  if (isReplayed || hasHeldBefore || failing.shrunk?.flakiness !== undefined) return failing;
  const { shrunk } = failing;
  const decisions = logToKeep(failing);
  if (decisions.length > KEPT_WHOLE_MAX) return failing;
  const short = shrunk === undefined ? { decisions } : { shrunk: { ...shrunk, decisions } };
  const file = await (await run.corpus())?.keep({ ...failing, ...short });
  return file === undefined ? failing : { ...failing, file: relativePath(file) };
}

/** Replay takes the default after the last decision of a log, so trailing defaults are dropped. */
function logToKeep({ kind, shrunk, ...found }: FailingExecution): readonly Decision[] {
  const { decisions } = shrunk ?? found;
  const count = decisions.findLastIndex(({ answer }) => answer > 0) + 1;
  return decisions.slice(0, kind === 'budget' ? Math.min(count, KEPT_MAX) : count);
}

/** States how much of the log is kept, if not all of it. */
function keptText(failing: FailingExecution): string[] {
  const { file, shrunk = failing } = failing;
  const count = logToKeep(failing).length;
  if (file === undefined || unusualCount(shrunk.decisions.slice(count)) === 0) return [];
  return [
    `  its log is long: of ${counted(shrunk.decisions.length, 'decision')} the first ${formatCount(count)} are kept, and the default is taken after them`,
  ];
}

/** Runs the smallest execution again, to see what it throws. */
async function seenAgain(run: TestRun, failing: FailingExecution, seed: string): Promise<Verdict> {
  const { decisions } = failing.shrunk ?? failing;
  const { timeoutMs = 0 } = run.test;
  const limitMs = Math.min(AGAIN_MS_MAX, timeoutMs > 0 ? timeoutMs * AGAIN_PART : Infinity);
  const { maxEvents } = eventBound(failing);
  const executor = withinEvents(run.within(limitMs, seed).executor, maxEvents);
  const source = keyedReplayDecisions(decisions);
  // Not needed with an explanation, which has the place where the property was stated; nothing is thrown there.
  const capturePlaces = failing.explanation === undefined && STATED.has(failing.kind);
  return executor.execute({ source, capturePlaces });
}

function explained(explanation: Explanation): string[] {
  return textsOf(formatFindings(explanation, allLinesText(explanation)));
}

function unexplained(failing: FailingExecution): string[] {
  const { shrunk = failing } = failing;
  return [`${kindText(failing)} at ${shrunk.atMs} ms: ${shrunk.message}`, ...textsOf(formatKnown(shrunk))];
}

function textsOf(lines: readonly ExplanationLine[]): string[] {
  const folder = process.cwd();
  return lines.map(({ role, text }) =>
    role === 'place' ? text.replace(/\S.*/, (frame) => frameFrom(folder, frame)) : text,
  );
}

function foundText(
  { executions, configuration, corpusId }: FailingExecution,
  { seed, isReplayed = false, isDecidedBySeed = false, hasHeldBefore = false }: ReportedExecution,
): string {
  if (isReplayed) return '  it is the execution that was asked for';
  if (corpusId !== undefined && corpusId !== 'plain') {
    return '  it is kept from an earlier run, and was tried first';
  }
  // What is left behind may have changed what is shown since then.
  const isLater = hasHeldBefore ? '; a later execution that fails alike is shown' : '';
  if (corpusId === 'plain') return `  found by the plain schedule${isLater}`;
  const how = configuration === undefined ? '' : ` (${configuration})`;
  const ofSeed = isDecidedBySeed ? `, by seed ${JSON.stringify(seed)}` : '';
  return `  found in execution ${formatCount(executions)}${ofSeed}${how}${isLater}`;
}

function unrepeatedIn({ isAmbient }: TestRun): string {
  return unrepeatedText({
    isAmbient,
    remedy: 'without ambient: false they are virtual',
    keptRemedy: 'dryrunner/vitest-plugin',
  });
}

function longerText(): string {
  return '{ timeout } gives it longer';
}

/** Leaves out what was decided if the line repeats only the beginning of the log. */
function knownOf(failing: FailingExecution, count: number): ExplanationLine[] {
  return count < failing.decisions.length ? formatDetails(failing.details) : formatKnown(failing);
}

/** For a failure of kind `escape`, the places where code reached out of the simulation. */
async function escapesOf(run: TestRun, failing: FailingExecution, seed: string): Promise<string[]> {
  if (failing.kind !== 'escape') return [];
  // It may loop, after a refusal that it has caught.
  const limitMs = Math.min(AGAIN_MS_MAX, run.untilTimeOutMs() * REPEATED_PART);
  if (limitMs <= 0) return [];
  const lines = await escapeLines(run, run.within(limitMs, seed).executor, failing);
  return lines.length === 0 ? [] : ['What is outside', ...lines];
}

async function escapeLines(
  run: TestRun,
  executor: Executor,
  { decisions }: Pick<FailingExecution, 'decisions'>,
): Promise<string[]> {
  const { watchEscapes, watchResources } = await import('../ambient/escapes/escape-watch.ts');
  // In ambient time, calls that the simulation answers do not count.
  const watch = (run.test.options?.ambient === false ? watchEscapes : watchResources)(executor);
  await watch.executor.execute({ source: keyedReplayDecisions(decisions) });
  const folder = process.cwd();
  return watch
    .escapes()
    .filter(({ frames }) => hasUserFrame(frames.map(stackLine).join('\n')))
    .flatMap(({ what, frames }) => [
      `  ${what}`,
      ...frames.map((frame) => `    ${frameFrom(folder, frame)}`),
    ]);
}

const CAUSES_MAX = 4;

/** The chain of causes of the error that was thrown. */
function causesOf({ failure }: Verdict): string[] {
  const lines: string[] = [];
  const seen = new Set([failure?.cause]);
  let cause = causeOf(failure?.cause);
  for (; cause !== undefined && lines.length < CAUSES_MAX && !seen.has(cause); cause = causeOf(cause)) {
    seen.add(cause);
    const name = isInstance(cause, Error) ? `${errorNameOf(cause) ?? 'Error'}: ` : '';
    lines.push(`  caused by ${name}${withoutFrames(withoutColours(messageOf(cause))).trimEnd()}`);
  }
  return lines;
}

/**
 * The error of a test with wrong options, at the user's line that gave them or, as the stack has none, declared the
 * test.
 */
export function wrongTest(test: SimulatedTest, error: RunnerError): RunnerError {
  const { stack = '' } = error;
  return withStack(error, hasUserFrame(stack) ? framesOf(stack) : declaredFrames(test));
}

/** An execution left code behind that used it after its end; which decisions lead there is not known. */
function lateTest({ test }: TestRun, { message, stack = '' }: RunnerError): Error {
  const lines = [
    `${message}.`,
    'The error came when that execution of the test had held and a later one ran, so there is nothing to explain or repeat.',
    LATE_REMEDY,
  ];
  const error = new RunnerError('RUNNER_SIMULATION_MISUSE', lines.join('\n'));
  return withStack(error, hasUserFrame(stack) ? framesOf(stack) : declaredFrames(test));
}

/** The first error of an execution that had ended, beside the failure of another one. */
function lateLines({ late: { first } }: TestRun): string[] {
  if (first === undefined) return [];
  const place = framesOf(first.stack ?? '').slice(0, 1);
  return [
    'Code of an execution that had ended went on, and failed too',
    `  ${first.message}`,
    ...place.map((frame) => `    ${frameFrom(process.cwd(), frame)}`),
    `  ${LATE_REMEDY}`,
  ];
}

const LATE_REMEDY = 'Await in the scenario all that it begins, or stop it in sim.onEnd.';

/** No execution failed, but too few were run for the test to pass. */
function unfinishedTest(
  { test }: TestRun,
  { executions, by, count }: Extract<FoundFailure, { readonly kind: 'unfinished' }>,
): Error {
  const done =
    count === undefined
      ? `${counted(executions, 'execution')}, before the ${by} were used up; all of them`
      : `${formatCount(executions)} of ${counted(count, 'execution')}, all of which`;
  const message = [
    `Time was up after ${done} held.`,
    `Give the test more time by { timeout }, or ask for fewer by { ${by} }.`,
  ].join('\n');
  return withStack(new RunnerError('RUNNER_SIMULATION_MISUSE', message), declaredFrames(test));
}

/** Reports executions that disagree on a snapshot. Neither fails alone, so only the test as a whole repeats this. */
function snapshotTest(run: TestRun, { reference, other }: SnapshotDifference): Error {
  const { name, kind } = reference;
  const what = {
    kept: `Snapshot \`${name}\``,
    inline: `The inline snapshot at ${relativePath(name)}`,
    file: `The snapshot in ${relativePath(name)}`,
  }[kind];
  const [decided, decidedOther] = [decisionLines(reference), decisionLines(other)];
  const isSame = decided.join() === decidedOther.join();
  const message = [
    `${what} is not the same in all executions of the simulation, each of which holds alone. It is not written.`,
    ...decided,
    ...valueLines(reference),
    ...(isSame ? ['The same decisions, taken again'] : decidedOther),
    ...valueLines(other),
    ...(isSame
      ? causeLines(run)
      : [
          'What the schedule may change belongs in no snapshot: check by other assertions what always holds of it.',
        ]),
  ].join('\n');
  const details = { expected: reference.text.trim(), actual: other.text.trim() };
  const error = new RunnerError('RUNNER_SIMULATION_MISUSE', message, details);
  return withStack(error, kind === 'inline' ? [name] : declaredFrames(run.test));
}

function decisionLines({ decisions }: Pick<TakenSnapshot, 'decisions'>): string[] {
  const { lines, leftOut } = plainHistory(decisions, { message: '', atMs: 0 });
  const decided = lines.filter(({ role }) => role === 'decision');
  if (decided.length === 0) return ['With every choice at its default'];
  return [
    'With these decisions',
    ...decided.map(({ text }) => `    ? ${text}`),
    ...(leftOut === 0 ? [] : [`      (${counted(leftOut, 'earlier decision')} left out)`]),
  ];
}

function valueLines({ text }: TakenSnapshot): string[] {
  const [first = '', ...others] = text.trim().split('\n');
  return [`  it is ${first}`, ...others.map((line) => `  ${line}`)];
}

async function differentTest(run: TestRun, { kind, text, decisions }: AuditDifference): Promise<Error> {
  const lines = await escapeLines(run, run.within(AGAIN_MS_MAX, '1').executor, { decisions });
  const when = kind === 'repeat' ? 'run twice in a row' : 'run again after others';
  const message = [
    `The same decisions, ${when}, led to another execution: ${text}`,
    ...(lines.length === 0 ? causeLines(run) : [OUTSIDE_CAUSE, 'What is outside', ...lines]),
    'No failure that depends on it could be repeated, so the test fails until each execution begins anew.',
  ].join('\n');
  return withStack(new RunnerError('RUNNER_REPLAY_DIVERGED', message), declaredFrames(run.test));
}

/** Reports an execution during which time ran out. */
async function cutOffTest(run: TestRun, found: FoundExecution): Promise<Error> {
  const { failing, seed } = found;
  const { turns, test } = run;
  const looping = turns.isStuck ? await linesOfLoop(run, failing, seed) : undefined;
  const repeated = looping === undefined ? await repeatedIn(run, failing, seed) : [];
  const beginning = beginningOf(failing);
  const loading = hub.loading?.() ?? [];
  const { message, atMs, firedEvents } = failing;
  const verdict = interruptedVerdict(run, failing, seed);
  const folder = process.cwd();
  const reached = `(it had come to ${formatCount(atMs)} ms of virtual time, with ${formatCount(firedEvents)} events).`;
  const lines = [
    looping !== undefined
      ? `A loop without an end, at ${formatCount(atMs)} ms of virtual time: nothing else got a turn for ${secondsOf(turns)} s.`
      : turns.isStuck
        ? `One event took ${secondsOf(turns)} s and was ended, but not when it was run again, as on a busy machine. { timeout } gives it more ${reached}`
        : test.signal?.aborted === true && !message.startsWith('The time')
          ? message
          : `${message} ${reached}`,
    ...(looping === undefined || looping.length === 0
      ? []
      : ['It loops here', ...looping.map((frame) => `    ${frameFrom(folder, frame)}`)]),
    ...(looping !== undefined ? [] : textsOf(knownOf(failing, beginning))),
    ...loading.map((file) => `It stands still until an import() of ${file} has ended.`),
    ...(repeated.length === 0 ? [] : ['What goes on', ...repeated.map((text) => `  ${text}`)]),
    ...lateLines(run),
    'To see it again',
    ...beginningLines(test, found, beginning),
  ];
  return errorOf(run, verdict, lines, looping ?? []);
}

/** How long the event took that did not end. */
function secondsOf({ endedTurn }: GuardedTurns): number {
  return Math.round((endedTurn?.durationMs ?? 0) / 100) / 10;
}

/**
 * Lines of the loop, formatted as stack frames, the most frequent first; undefined if the execution does not loop
 * again.
 */
async function linesOfLoop(
  run: TestRun,
  { decisions }: FailingExecution,
  seed: string,
): Promise<string[] | undefined> {
  const { linesOfStack, loopingLines } = await import('../ambient/looping-line.ts');
  const { frames } = run.turns.endedTurn ?? {};
  if (frames !== undefined) return linesOfStack(frames);
  let lines: string[] | undefined;
  for (const ms of LOOKS_MS) {
    if (ms > LOOKS_MS[0] && ms > run.untilTimeOutMs() * LOOK_PART) break;
    lines = await loopingLines(async (beginToLook) => {
      beginToLook();
      // Its time begins now: to prepare the profiler may take longer than the look.
      const { executor, turns } = run.within(ms, seed);
      await executor.execute({ source: keyedReplayDecisions(decisions) });
      return turns.isStuck;
    });
    if (lines === undefined || lines.length > 0) break;
  }
  return lines;
}

/** The events that the execution repeats, found by running its beginning again. Empty if there is no time for it. */
async function repeatedIn(run: TestRun, { decisions }: FailingExecution, seed: string): Promise<string[]> {
  const { now } = run.test;
  const limitMs = Math.min(AGAIN_MS_MAX, run.untilTimeOutMs() * REPEATED_PART);
  if (limitMs <= 0) return [];
  const endMs = now() + limitMs;
  const { repeatedEvents } = await import('../explore/explain/repeated-events.ts');
  return repeatedEvents(run.within(limitMs, seed).executor, decisions, () => now() >= endMs);
}

function interruptedVerdict({ test }: TestRun, failing: FailingExecution, seed: string): Verdict {
  const { message, atMs, details, firedEvents, decisions } = failing;
  return {
    ...{ held: false, scenario: test.name, seed, runs: 0, endStates: {}, faults: 0, sometimes: {} },
    failure: { kind: 'interrupted', message, atMs, details },
    ...{ virtualMs: atMs, firedEvents, decisionCount: decisions.length, traceHash: '' },
    decisions: () => [...decisions],
    trace: () => [],
  };
}

function thrownFrames({ failure }: Verdict): string[] {
  const stack = framesOfThrown(failure?.cause).join('\n');
  return hasUserFrame(stack) ? framesOf(stack) : [];
}

function framesInDetails({ failure }: Verdict): string[] {
  const stack = failure?.details.join('\n') ?? '';
  return hasUserFrame(stack) ? framesOf(stack) : [];
}

function framesIn(explanation: Explanation | undefined): string[] {
  if (explanation === undefined) return [];
  return [...explanation.details, ...explanation.places].flatMap(({ frames }) => frames);
}

function declaredFrames({ declaredAt = '' }: SimulatedTest): string[] {
  return hasUserFrame(declaredAt) ? framesOf(declaredAt) : [];
}

function errorOf(
  { test }: TestRun,
  verdict: Verdict,
  lines: readonly string[],
  frames: readonly string[],
): SimulationFailedError {
  const error = new SimulationFailedError(verdict, '', lines.join('\n'));
  Reflect.deleteProperty(error, 'cause');
  return withStack(error, frames.length > 0 ? frames : declaredFrames(test));
}

function withStack<E extends Error>(error: E, frames: readonly string[]): E {
  const lines = [...new Set(frames)].map(stackLine);
  error.stack = [withoutFrames(`${error.name}: ${error.message}`), ...lines].join('\n');
  return error;
}

/**
 * Removes lines that look like stack frames, also those that a message quotes from another error: Vitest would show
 * them as places of the user's.
 */
function withoutFrames(text: string): string {
  return text
    .split('\n')
    .filter((line) => !isStackLine(line))
    .join('\n');
}
