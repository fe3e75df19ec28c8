/**
 * Builds the error of a failing `simTest`: what `explore` prints about the failure, and the command line that repeats
 * it. Invariants: its stack has only lines of the user's files, beginning with the line that noticed the failure,
 * because Vitest shows that one; it has no `cause`, because Vitest would show that instead.
 */
import { hub } from '../ambient/hub.ts';
import type { AuditDifference } from '../explore/campaign-report.ts';
import type { Explanation } from '../explore/explain/explanation.ts';
import { formatExplanation, type ExplanationLine } from '../explore/explain/explanation-text.ts';
import { DIFFERENCE_HEADLINES, moduleStateLines, OUTSIDE_CAUSE } from '../explore/explain/difference-text.ts';
import {
  formatCutShort,
  formatDetails,
  formatKnown,
  formatSettled,
} from '../explore/explain/failing-text.ts';
import { plainHistory } from '../explore/explain/plain-history.ts';
import { unrepeatedText } from '../explore/explain/unrepeated-text.ts';
import { frameFrom, framesOf, hasUserFrame } from '../explore/explain/source-place.ts';
import {
  eventBound,
  failingExecution,
  tokenOf,
  type FailingExecution,
} from '../explore/failing-execution.ts';
import { failureKey } from '../explore/failure-key.ts';
import { withinEvents } from '../explore/event-budget.ts';
import type { Executor } from '../explore/executor.ts';
import { isTokenText } from '../explore/replay-token.ts';
import { vitestPattern } from '../explore/vitest-test.ts';
import { unusualCount } from '../explore/keyed-log.ts';
import type { Decision } from '../kernel/decisions.ts';
import { isInstance } from '../kernel/argument-check.ts';
import { keyedReplayDecisions } from '../kernel/replay-decisions.ts';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import { counted, formatCount } from '../model/plural.ts';
import { shellWord } from '../model/shell-word.ts';
import { framesOfThrown } from '../simulation/scenario-stack.ts';
import { SimulationFailedError } from '../simulation/simulation-failed-error.ts';
import { kindText, type Verdict } from '../simulation/verdict.ts';
import {
  relativePath,
  type FoundFailure,
  type SimulatedTest,
  type SnapshotDifference,
  type TakenSnapshot,
  type TestRun,
} from './test-run.ts';

type FoundExecution = Extract<FoundFailure, { readonly failing: FailingExecution }>;

/** Limits in milliseconds; if less time is left, the parts below apply. */
const SHRINK_MS_MAX = 5_000;
const EXPLAIN_MS_MAX = 3_000;
const SHRINK_PART = 0.6;
const EXPLAIN_PART = 0.3;
/** Part of the test's time for running the failure again to see what it throws. */
const AGAIN_PART = 0.05;
const AGAIN_MS_MAX = 1_000;
/** Part of the time until Vitest's timeout for observing which events repeat. */
const REPEATED_PART = 0.4;
// Three different limits of length: of a command line that people copy although the log is kept, of a command line that
// the system accepts, and of a log that is kept.
/** Longer tokens are a nuisance to copy; the log is kept, and tried first anyway. */
const TOKEN_MAX = 2_000;
/** Stays well below the 131,071 bytes that Linux allows for one argument. */
const LINE_MAX = 32_768;
/** Least number of characters that a decision takes in a token; lets a long log be recognized without encoding it. */
const DECISION_LENGTH_MIN = 10;
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
 * Longest token, in characters, for an execution that has not ended: the command line carries only the beginning of its
 * log. One choice takes a dozen characters.
 */
const BEGINNING_TOKEN_MAX = 8_000;
const BEGINNING_MAX = 800;
const BEGINNING_STEP = 0.9;
/**
 * Milliseconds of each look at an endless loop. Each is longer than the one before, because on a busy machine a short
 * one may see nothing.
 */
const LOOKS_MS = [100, 250, 500] as const;
/** Part of the test's time that a later look may take. */
const LOOK_PART = 0.06;
const FRAME = '    at ';
/** Kinds of failure of properties that are stated once and judged later. */
const STATED: ReadonlySet<string> = new Set(['always', 'eventually']);

/** Shrinks and explains a failure as far as time allows, keeps its log, and returns the error that reports it. */
export async function failedTest(run: TestRun, found: FoundFailure): Promise<Error> {
  if (found.kind === 'different') return differentTest(run, found.difference);
  if (found.kind === 'snapshot') return snapshotTest(run, found.difference);
  if (found.kind === 'unfinished') return unfinishedTest(run, found);
  if (found.kind === 'cut off') return cutOffTest(run, found);
  const caused = await causedByEarlier(run, found);
  if (caused !== undefined) return causedTest(run, found, caused);
  const failing = await kept(run, found, await settled(run, found));
  const verdict = found.verdict ?? (await seenAgain(run, failing, found.seed));
  const { explanation } = failing;
  const lines = [
    ...(found.gap === undefined ? [] : [`The log that was asked for ${found.gap}. What happens now:`, '']),
    ...(explanation === undefined ? unexplained(failing) : explained(explanation)),
    ...(await escapesOf(run, failing, found.seed)),
    ...causesOf(verdict),
    ...differenceLines(run, found),
    'To see it again',
    ...repeatLines(run.test, found, failing),
    ...(run.test.isReported === false
      ? []
      : [
          foundText(failing, found.isReplayed),
          ...formatSettled(
            failing,
            longerText,
            found.difference === undefined ? unrepeatedIn(run) : undefined,
          ),
          ...keptText(failing),
        ]),
  ];
  const frames = [thrownFrames(verdict), framesIn(explanation), framesInDetails(verdict)];
  return errorOf(run, verdict, lines, frames.find(({ length }) => length > 0) ?? []);
}

/** An execution that held when it was run first, and now leads to the failure that was found. */
interface CausedFailure {
  readonly failing: FailingExecution;
  readonly verdict: Verdict;
}

/** Undefined unless what earlier executions have left behind leads to the failure. */
async function causedByEarlier(run: TestRun, found: FoundExecution): Promise<CausedFailure | undefined> {
  const { difference, failing } = found;
  if (difference?.heldFirst !== true) return undefined;
  const { decisions, seed } = difference;
  const executor = run.within(Math.min(AGAIN_MS_MAX, Math.max(run.leftMs(), 1)), seed).executor;
  const verdict = await executor.execute({ source: keyedReplayDecisions(decisions) });
  const { failure } = verdict;
  if (failure === undefined || failureKey(failure) !== failing.key) return undefined;
  return { failing: failingExecution(verdict, failure, failing), verdict };
}

/**
 * Reports a failure that no decision leads to. No token repeats it, for it needs the executions before it: neither token
 * nor log is kept.
 */
async function causedTest(
  run: TestRun,
  found: FoundExecution,
  { failing: first, verdict }: CausedFailure,
): Promise<Error> {
  const { test } = run;
  const { difference = { seed: found.seed } } = found;
  const failing = await settled(run, { ...found, failing: first, seed: difference.seed }, true);
  const { explanation } = failing;
  const lines = [
    ...(explanation === undefined ? unexplained(failing) : explained(explanation)),
    ...causesOf(verdict),
    ...differenceLines(run, found),
    'To see it again',
    ...(test.file === undefined ? [] : [wholeTestLine(test)]),
    '  only the whole test repeats it, because it needs the executions before it',
    ...(test.isReported === false ? [] : [foundText(found.failing), ...formatCutShort(failing, longerText)]),
  ];
  const frames = [thrownFrames(verdict), framesIn(explanation), framesInDetails(verdict)];
  return errorOf(run, verdict, lines, frames.find(({ length }) => length > 0) ?? []);
}

/** What differs between executions of the same decisions, and what is likely to make it differ. */
function differenceLines(run: TestRun, { difference }: FoundExecution): string[] {
  if (difference === undefined) return [];
  return [
    `${run.test.name}: ${DIFFERENCE_HEADLINES[difference.kind]}`,
    ...[difference.text, ...causeLines(run)].map((line) => `  ${line}`),
  ];
}

function causeLines({ isAmbient }: TestRun): readonly string[] {
  if (!isAmbient) return [OUTSIDE_CAUSE, NOT_VIRTUAL];
  return [
    ...moduleStateLines('Time and randomness are virtual here'),
    ...(hub.isPreloaded === true ? [] : [NOT_PRELOADED]),
  ];
}

const NOT_VIRTUAL =
  'Without ambient: false, time and randomness are virtual, and sim.load loads a module anew.';
const NOT_PRELOADED =
  'Without dryrunner/vitest-plugin it may also be a clock or randomness that code captured when it was loaded.';

/**
 * Shrinks and explains the failure, unless there is no time left or nobody reads the report. One that was asked for, or
 * whose decisions have held before, is not shrunk.
 */
async function settled(
  run: TestRun,
  found: FoundExecution,
  hasHeldBefore = false,
): Promise<FailingExecution> {
  const { failing, seed, isReplayed = false } = found;
  const { options = {}, isReported = true, isDebugged = false, signal, now } = run.test;
  const leftMs = run.leftMs();
  const isWhole = isReplayed || hasHeldBefore;
  if (isReplayed && isDebugged) return failing;
  if (options.explain === false || !isReported || leftMs <= 0) return failing;
  const { explainWithin, settleFailure } = await import('../explore/shrink-and-explain.ts');
  const limits = {
    explainMs: Math.min(EXPLAIN_MS_MAX, leftMs * (isWhole ? SHRINK_PART : EXPLAIN_PART)),
    mustStop: () => signal?.aborted === true || run.turns.isStuck,
    now,
  };
  const { executor } = run.within(leftMs, seed);
  if (isWhole) {
    const { maxEvents } = eventBound(failing);
    const { decisions, firedEvents, scenario, seed: ofLog } = failing;
    const about = { scenario, seed: ofLog, firedEvents, maxEvents, hasHeldBefore };
    return { ...failing, ...(await explainWithin(executor, decisions, about, limits)) };
  }
  const shrinkMs = Math.min(SHRINK_MS_MAX, leftMs * SHRINK_PART);
  return { ...failing, ...(await settleFailure(executor, failing, { ...limits, shrinkMs })) };
}

async function kept(
  run: TestRun,
  { isReplayed }: FoundExecution,
  failing: FailingExecution,
): Promise<FailingExecution> {
  if (isReplayed === true || failing.shrunk?.flakiness !== undefined) return failing;
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
  return textsOf(formatExplanation(explanation).slice(0, -2));
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

function foundText({ executions, configuration, corpusId }: FailingExecution, isReplayed = false): string {
  if (isReplayed) return '  it is the execution that was asked for';
  if (corpusId !== undefined && corpusId !== 'plain') {
    return '  it is kept from an earlier run, and was tried first';
  }
  if (corpusId === 'plain') return '  found by the plain schedule';
  const how = configuration === undefined ? '' : ` (${configuration})`;
  return `  found in execution ${formatCount(executions)}${how}`;
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

/** The command line for an execution that has not ended, and may have taken any number of decisions. */
function againLines(
  test: SimulatedTest,
  { failing, seed, isDecidedBySeed = false }: FoundExecution,
  count: number,
): string[] {
  const { decisions } = failing;
  if (count === decisions.length) return [againLine(test, failing)];
  if (isDecidedBySeed) return [seedLine(seed)];
  return [
    againLine(test, { ...failing, decisions: decisions.slice(0, count) }),
    `  its log is too long for a line: this one has the first ${counted(count, 'decision')}, and takes the default after them`,
  ];
}

/** Leaves out the last decisions if the log is too long for a line. */
function knownOf(failing: FailingExecution, count: number): ExplanationLine[] {
  return count < failing.decisions.length ? formatDetails(failing.details) : formatKnown(failing);
}

/** How many decisions of the execution fit into one command line. */
function beginningOf(failing: FailingExecution): number {
  const { decisions } = failing;
  let unusual = 0;
  let count = decisions.findIndex(({ answer }) => answer > 0 && (unusual += 1) > BEGINNING_MAX);
  if (count < 0) count = decisions.length;
  while (tokenOf({ ...failing, decisions: decisions.slice(0, count) }).length > BEGINNING_TOKEN_MAX) {
    count = Math.floor(count * BEGINNING_STEP);
  }
  return count;
}

/**
 * What to type. If the token is too long for a line: the seed, or the command line of the test, which repeats the
 * failure.
 */
function repeatLines(
  test: SimulatedTest,
  { seed, isDecidedBySeed = false }: FoundExecution,
  failing: FailingExecution,
): string[] {
  const line = againLine(test, failing);
  if (line.length <= LINE_MAX || test.file === undefined) return [line];
  return [
    isDecidedBySeed ? seedLine(seed) : wholeTestLine(test),
    '  its token is too long for a line, and its log is not kept: this makes it again',
  ];
}

/** The command line that runs all of the test as it has run now. */
function wholeTestLine(test: SimulatedTest): string {
  const { wish } = test;
  const ownSeed = wish === undefined || isTokenText(wish) ? '' : `DRYRUNNER_SEED=${shellWord(wish)} `;
  return `  ${ownSeed}${testLine(test)}`;
}

/** The option of the test that repeats an execution of one seed. */
function seedLine(seed: string): string {
  return `  { seeds: [${JSON.stringify(seed)}] }`;
}

function testLine({ file = '', name, root }: SimulatedTest): string {
  const option = root === undefined ? '' : `--root ${shellWord(relativePath(root))} `;
  return `npx vitest run ${option}${shellWord(relativePath(file))} -t ${shellWord(vitestPattern(name))}`;
}

/** The command line to type, or the option to set for a test whose file is not known. */
function againLine(test: SimulatedTest, failing: FailingExecution): string {
  if (test.file === undefined) return `  { replay: '${tokenOf(failing)}' }`;
  const { decisions } = failing.shrunk ?? failing;
  const isLong = unusualCount(decisions) * DECISION_LENGTH_MIN > TOKEN_MAX;
  const token = failing.file !== undefined && isLong ? undefined : tokenOf(failing);
  const isShown = token !== undefined && (failing.file === undefined || token.length <= TOKEN_MAX);
  return `  ${isShown ? `DRYRUNNER_SEED=${token} ` : ''}${testLine(test)}`;
}

/** For a failure of kind `escape`, the places where code reached out of the simulation. */
async function escapesOf(run: TestRun, failing: FailingExecution, seed: string): Promise<string[]> {
  if (failing.kind !== 'escape') return [];
  const lines = await escapeLines(run, run.within(AGAIN_MS_MAX, seed).executor, failing);
  return lines.length === 0 ? [] : ['What is outside', ...lines];
}

async function escapeLines(
  run: TestRun,
  executor: Executor,
  { decisions }: Pick<FailingExecution, 'decisions'>,
): Promise<string[]> {
  const { watchEscapes, watchResources } = await import('../ambient/escape-watch.ts');
  // In ambient time, calls that the simulation answers do not count.
  const watch = (run.test.options?.ambient === false ? watchEscapes : watchResources)(executor);
  await watch.executor.execute({ source: keyedReplayDecisions(decisions) });
  const folder = process.cwd();
  return watch
    .escapes()
    .filter(({ frames }) => hasUserFrame(frames.map((frame) => `at ${frame}`).join('\n')))
    .flatMap(({ what, frames }) => [
      `  ${what}`,
      ...frames.map((frame) => `    ${frameFrom(folder, frame)}`),
    ]);
}

/** The chain of causes of the error that was thrown, up to four. */
function causesOf({ failure }: Verdict): string[] {
  const lines: string[] = [];
  for (
    let cause = isInstance(failure?.cause, Error) ? failure.cause.cause : undefined;
    cause !== undefined && lines.length < 4;
    cause = isInstance(cause, Error) ? cause.cause : undefined
  ) {
    const text = withoutFrames(messageOf(cause)).trimEnd();
    lines.push(`  caused by ${isInstance(cause, Error) ? `${cause.name}: ` : ''}${text}`);
  }
  return lines;
}

/** The error of a test with wrong options, at the user's line that gave them or, as the stack has none, declared the test. */
export function wrongTest(test: SimulatedTest, error: RunnerError): RunnerError {
  const { stack = '' } = error;
  return withStack(error, hasUserFrame(stack) ? framesOf(stack) : declaredFrames(test));
}

/** No execution failed, but too few were run for the test to pass. */
function unfinishedTest(
  { test }: TestRun,
  { executions, runs }: Extract<FoundFailure, { readonly kind: 'unfinished' }>,
): Error {
  const message = [
    `Time was up after ${formatCount(Math.max(executions, 0))} of ${counted(runs, 'execution')}, all of which held.`,
    'Give the test more time by { timeout }, or ask for fewer by { runs }.',
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

function decisionLines({ decisions }: TakenSnapshot): string[] {
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
  const { message, atMs, firedEvents } = failing;
  const verdict = interruptedVerdict(run, failing, seed);
  const folder = process.cwd();
  const lines = [
    looping !== undefined
      ? `A loop without an end, at ${formatCount(atMs)} ms of virtual time: nothing else got a turn until the time of the test was nearly up.`
      : test.signal?.aborted === true && !message.startsWith('The time')
        ? message
        : `${message} (it had come to ${formatCount(atMs)} ms of virtual time, with ${formatCount(firedEvents)} events).`,
    ...(looping === undefined || looping.length === 0
      ? []
      : ['It loops here', ...looping.map((frame) => `    ${frameFrom(folder, frame)}`)]),
    ...(looping !== undefined ? [] : textsOf(knownOf(failing, beginning))),
    ...(repeated.length === 0 ? [] : ['What goes on', ...repeated.map((text) => `  ${text}`)]),
    'To see it again',
    ...againLines(test, found, beginning),
  ];
  return errorOf(run, verdict, lines, looping ?? []);
}

/** Lines of the loop, formatted as stack frames, the most frequent first; undefined if the execution does not loop again. */
async function linesOfLoop(
  run: TestRun,
  { decisions }: FailingExecution,
  seed: string,
): Promise<string[] | undefined> {
  const { loopingLines } = await import('../ambient/looping-line.ts');
  const { timeoutMs = Infinity } = run.test;
  let lines: string[] | undefined;
  for (const ms of LOOKS_MS) {
    if (ms > LOOKS_MS[0] && ms > timeoutMs * LOOK_PART) break;
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
  const lines = [...new Set(frames)].map((frame) => `${FRAME}${frame}`);
  error.stack = [withoutFrames(`${error.name}: ${error.message}`), ...lines].join('\n');
  return error;
}

const FRAME_LINE = /^\s*at .*:\d+:\d+\)?$/;

/**
 * Removes lines that look like stack frames, also those that a message quotes from another error: Vitest would show
 * them as places of the user's.
 */
function withoutFrames(text: string): string {
  return text
    .split('\n')
    .filter((line) => !FRAME_LINE.test(line))
    .join('\n');
}
