/** `dryrunner replay`: repeats a token or a file of any kind, and names the first difference. */
import { readTraceFile } from '../host/trace-file.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { stackOf } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { shortPlaceOf } from '../explore/explain/source-place.ts';
import { CUT_OFF_KEY, headlineOf } from '../explore/failure-key.ts';
import { counted, formatCount, plural } from '../model/plural.ts';
import type { RecordedRun } from '../model/recording.ts';
import { hasField, isTerminal } from '../model/run-state.ts';
import { replayRecording } from '../simulation/recording-replay.ts';
import { recordedRuns } from '../trace/recording/recorded-runs.ts';
import { readRecording } from '../trace/recording/recording-file.ts';
import { EXIT_STATUS, InterruptedError, type ExitStatus, UsageError } from './exit-status.ts';
import type { Interruption } from './interruption.ts';
import { formatSpan } from './quantity-text.ts';
import type { Terminal } from './terminal.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { failureKeyOf, recordOf } from '../threads/execution-record.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { hashedPart } from '../trace/event-hasher.ts';
import { diffEventStreams } from '../trace/trace-differ.ts';
import { openTrace } from '../trace/trace-reader.ts';
import { debugExecution } from './debug-execution.ts';
import {
  readExecution,
  type ExecutionSource,
  type ReplayedLog,
  type SimulatedHeader,
} from './execution-source.ts';
import { HANG_MS } from './explore-defaults.ts';
import { threadLimits, type NamedExecutionOptions } from './explore-options.ts';
import { runGuarded } from './guarded-run.ts';
import { failureDetails, failureText } from './failure-report.ts';
import { fileLine } from './rerun-line.ts';
import { nowRunning } from './user-code.ts';
import { replayLog, type ReplayLogOptions } from './replay-log.ts';
import { findScenarios, prepareScenario } from './scenario-loader.ts';
import { interruptible } from './scenario-session.ts';
import {
  checkExecutionFiles,
  type ExecutionTarget,
  hasFiles,
  requireOwnFiles,
  writeExecution,
  writeTrace,
} from './execution-files.ts';
import { writeAfterResult } from './trace-target.ts';
import { verdictJson, verdictText } from './verdict-report.ts';
import { replayInVitest } from './vitest-replay.ts';

/**
 * Replays a recording of real runs on simulated runners and compares the results.
 *
 * Exit code: 0 if the same inputs lead to the same results, 3 at the first difference.
 */
export async function replayRecordingCommand(
  terminal: Terminal,
  { path, isEdited }: Pick<RecordedExecution, 'path' | 'isEdited'>,
  json: boolean,
): Promise<ExitStatus> {
  const replayed = await interruptible(terminal, async (interruption) => {
    const reading = readRecording(readTraceFile(path), { isEdited });
    const recording = await interruption.unlessRequested(reading, `${path} was read`);
    const startedAt = performance.now();
    const replay = await interruption.unlessRequested(
      replayRecording(recording),
      `${path} was replayed: whether it is reproduced is not known`,
    );
    return { ...replay, runs: recordedRuns(recording), sumsFit: recording.sumsFit, startedAt };
  });
  const { runs, sumsFit, verdict, problem } = replayed;
  const realMs = performance.now() - replayed.startedAt;
  const status = problem === undefined ? EXIT_STATUS.HELD : EXIT_STATUS.DIVERGED;
  terminal.noteResult(status);
  if (json) {
    terminal.json({
      type: 'replay',
      kind: 'recording',
      reproduced: problem === undefined,
      runs: runs.length,
      virtualMs: verdict.virtualMs,
      realMs: roundedMs(realMs),
      traceHash: verdict.traceHash,
      ...(isEdited ? { edited: !sumsFit } : {}),
      ...(problem === undefined ? {} : { difference: problem }),
    });
    return status;
  }
  if (problem === undefined) {
    for (const line of reproducedLines(runs, verdict, realMs)) terminal.line(line);
  } else {
    terminal.line(terminal.style('red', 'the recording was not reproduced'));
    terminal.line(`  ${problem}`);
  }
  if (isEdited) {
    terminal.line(
      sumsFit
        ? '  --edited was not needed: the sums of its last line fit'
        : '  it was edited: the sums of its last line are of other lines',
    );
  }
  return status;
}

function reproducedLines(
  runs: readonly RecordedRun[],
  { virtualMs }: Verdict,
  realMs: number,
): readonly string[] {
  const count = `${formatCount(runs.length)} recorded ${plural(runs.length, 'run')}`;
  const isShared = new Set(runs.map(({ runner }) => runner)).size > 1;
  return [
    `${count} reproduced: ${formatSpan(virtualMs)} in ${formatSpan(realMs)}`,
    ...runs.map((run) => `  ${describe(run, isShared)}`),
  ];
}

function describe({ runId, runner = '', command, statuses }: RecordedRun, isShared: boolean): string {
  const last = statuses.at(-1);
  const argv = onOneLine(command.argv.join(' '));
  const shown = argv.length > 60 ? `${argv.slice(0, 60)}…` : argv;
  const end =
    last === undefined || !isTerminal(last.state)
      ? 'no end'
      : `${endText(last)} after ${formatSpan(last.atMs)}${last.error === '' ? '' : `: ${onOneLine(last.error)}`}`;
  return `run ${runId}${isShared ? ` of ${runner}` : ''}  ${shown}  ${end}`;
}

/** A run that was stopped has no exit code. */
function endText({ state, exitCode }: RecordedRun['statuses'][number]): string {
  return hasField(state, 'exitCode') ? `${state} ${exitCode}` : state;
}

/** Options as typed. */
export interface ReplayCommandOptions extends NamedExecutionOptions {
  /** Continues with random choices where the log of an exploration does not fit. */
  readonly continueRandomly?: boolean;
  /** Accepts a recording that was edited on purpose. */
  readonly edited?: boolean;
}

/** Options that only the execution of a scenario can honour. */
const OF_SCENARIO = {
  trace: '--trace',
  timeline: '--timeline',
  continueRandomly: '--continue-randomly',
  hang: '--hang',
  memory: '--memory',
} as const satisfies Partial<Record<keyof ReplayCommandOptions, string>>;

/** Stands for the failure key of an execution that held. */
const HELD = 'it held';

type RecordedExecution = Extract<ExecutionSource, { kind: 'recording' }>;
type Simulation = Extract<ExecutionSource, { kind: 'simulation' }>;

/** Exit code: 0 if the recorded execution was reproduced, 1 if it was and fails again, 3 at the first difference. */
export async function replayCommand(
  terminal: Terminal,
  what: string,
  given: ReplayCommandOptions,
): Promise<ExitStatus> {
  const { json = false, continueRandomly = false, debug = false, edited, hang, memory, allow = [] } = given;
  const { trace, timeline } = given;
  await checkExecutionFiles({ trace, timeline }, debug);
  const source = await readExecution(what, allow, edited);
  if (source.kind === 'test') return replayInVitest(terminal, source, given);
  if (source.kind === 'recording') {
    if (debug) {
      throw new UsageError('--debug: a recording is of a real command, which has no scenario to stop in');
    }
    requireNoneOfScenario(given);
    return replayRecordingCommand(terminal, source, json);
  }
  await requireOwnFiles({ trace, timeline }, [what], [source.log.scenario]);
  if (debug) return debugExecution(terminal, source.log, json);
  const options = { json, continueRandomly, hang, memory, trace, timeline };
  return source.kind === 'log'
    ? replayLog(terminal, source.log, options)
    : replaySimulation(terminal, source, options);
}

/** Runs of real commands are played: nothing is run that could hang, and no answer is missing in them. */
function requireNoneOfScenario(given: ReplayCommandOptions): void {
  for (const [option, flag] of Object.entries(OF_SCENARIO)) {
    if (given[option as keyof typeof OF_SCENARIO] === undefined) continue;
    throw new UsageError(`${flag}: expected a simulated execution, got a recording of real commands`);
  }
}

async function replaySimulation(
  terminal: Terminal,
  source: Simulation,
  options: ReplayLogOptions,
): Promise<ExitStatus> {
  const { path, header, log } = source;
  const { verdict, reference, startedAt } = await interruptible(terminal, (interruption) =>
    runAgain(source, options, interruption),
  );
  // Reports where the log first does not fit, and what happens now instead.
  if (verdict.failure?.kind === 'diverged') return replayLog(terminal, log, options);
  const difference = await firstDifference(path, header, verdict);
  const realMs = performance.now() - startedAt;
  const status = replayStatus(verdict, difference);
  terminal.noteResult(status);
  if (options.json) terminal.json(replayJson(verdict, header, difference, realMs));
  else {
    const replayed = { verdict, reference, path, title: titleOf(verdict, header) };
    for (const line of replayLines(terminal, replayed, difference)) terminal.line(line);
  }
  await writeAfterResult(terminal, status, () =>
    writeReplay(terminal, { ...log, scenario: reference }, verdict, options),
  );
  return status;
}

/** @throws InterruptedError (rejects) if a signal comes before the execution is over. */
async function runAgain(
  { path, header, decisions, log }: Simulation,
  options: ReplayLogOptions,
  interruption: Interruption,
): Promise<{ readonly verdict: Verdict; readonly reference: string; readonly startedAt: number }> {
  const [scenario] = await interruption.alongsideForeignCode(() =>
    interruption.unlessRequested(findScenarios([log.scenario]), 'the scenario was loading'),
  );
  if (scenario === undefined) throw new UsageError(`${path}: no scenario is called ${log.scenario}`);
  const { definition, reference } = scenario;
  const { name } = definition;
  const input = await interruption.unlessRequested(prepareScenario(scenario), `${name} was preparing`);
  nowRunning(name);
  const startedAt = performance.now();
  const verdict = await runGuarded(
    {
      ...definition.options,
      ...{ modules: scenario.modules, name, seed: header.seed ?? '1', replay: decisions },
      keepTrace: header.kind === 'simulation' || options.trace !== undefined,
      ...(log.maxEvents === undefined ? {} : { maxEvents: log.maxEvents }),
      scenario: (sim) => definition.run(sim, input),
    },
    {
      ...{ interruption, hangMs: options.hang ?? HANG_MS },
      again: { scenario: reference, seed: header.seed ?? '1', log: decisions, maxEvents: log.maxEvents },
    },
  );
  const { status } = interruption;
  if (status === undefined) return { verdict, reference, startedAt };
  const after = counted(verdict.firedEvents, 'event');
  throw new InterruptedError(
    `interrupted while ${name} ran, after ${after}: whether it is reproduced is not known`,
    status,
  );
}

function replayStatus({ held }: Verdict, difference: Difference | undefined): ExitStatus {
  if (isDiverged(difference)) return EXIT_STATUS.DIVERGED;
  return held ? EXIT_STATUS.HELD : EXIT_STATUS.FAILED;
}

async function writeReplay(
  terminal: Terminal,
  replayed: ReplayedLog,
  verdict: Verdict,
  { trace, timeline, json, ...limits }: ReplayLogOptions,
): Promise<void> {
  if (!hasFiles({ trace, timeline })) return;
  await interruptible(terminal, async (interruption) => {
    if (trace !== undefined) {
      await writeTrace(terminal, { trace, json, interruption }, recordOf(verdict), replayed);
    }
    const target: ExecutionTarget = { timeline, json, interruption };
    if (timeline !== undefined) await writeExecution(terminal, target, replayed, threadLimits(limits));
  });
}

/** The first difference between a run and its file. */
interface Difference {
  readonly text: string;
  /** What differs: the events, only the notes of the scenario, or only the outcome. */
  readonly of: 'events' | 'notes' | 'outcome';
}

/** A difference in notes alone does not count as a divergence. */
function isDiverged(difference: Difference | undefined): difference is Difference {
  return difference !== undefined && difference.of !== 'notes';
}

async function firstDifference(
  path: string,
  header: SimulatedHeader,
  verdict: Verdict,
): Promise<Difference | undefined> {
  const outcome = otherOutcome(header, verdict);
  if (header.kind !== 'simulation' || verdict.traceHash === header.meta?.['verdictHash']) return outcome;
  const events = verdict.trace();
  const difference = await diffEventStreams(
    eventsOf(path, () => true),
    events,
    hashedPart,
  );
  if (difference === undefined) {
    return { text: 'the events are the same, but the hash of the whole run is another', of: 'events' };
  }
  const others = await diffEventStreams(eventsOf(path, isNotNote), events.filter(isNotNote), hashedPart);
  if (others !== undefined) return { text: others.text, of: 'events' };
  return outcome ?? { text: difference.text, of: 'notes' };
}

/** The same events may be judged differently by now. */
function otherOutcome({ meta = {} }: SimulatedHeader, verdict: Verdict): Difference | undefined {
  const { failureKey: expected = meta['held'] === 'true' ? HELD : undefined } = meta;
  const { failure } = verdict;
  const got = failure === undefined ? HELD : failureKeyOf(failure, verdict.decisions());
  if (expected === undefined || expected === CUT_OFF_KEY || expected === got) return undefined;
  const text = `the events are the same, but what came of them is not: expected "${expected}", got "${got}"`;
  return { text, of: 'outcome' };
}

function isNotNote({ type }: TraceEvent): boolean {
  return type !== 'note';
}

async function* eventsOf(
  path: string,
  isWanted: (event: TraceEvent) => boolean,
): AsyncGenerator<TraceEvent, void, void> {
  for await (const entry of await openTrace(readTraceFile(path))) {
    if (entry.type === 'event' && isWanted(entry.event)) yield entry.event;
  }
}

function replayJson(
  verdict: Verdict,
  { seed }: SimulatedHeader,
  difference: Difference | undefined,
  realMs: number,
): Record<string, unknown> {
  return {
    ...verdictJson(verdict, realMs),
    // Undefined for a log of an exploration, which has no seed.
    seed,
    type: 'replay',
    reproduced: !isDiverged(difference),
    sameTrace: difference === undefined || difference.of === 'outcome',
    ...(difference === undefined ? {} : { difference: difference.text }),
  };
}

/** A file that was run again. */
interface ReplayedFile {
  readonly verdict: Verdict;
  readonly reference: string;
  readonly path: string;
  /** The scenario, with the seed if known. */
  readonly title: string;
}

function titleOf({ scenario }: Verdict, { seed }: SimulatedHeader): string {
  return seed === undefined ? scenario : `${scenario}, seed ${seed},`;
}

function replayLines(
  terminal: Terminal,
  replayed: ReplayedFile,
  difference: Difference | undefined,
): string[] {
  const { verdict, title } = replayed;
  const [end, ...rest] = endLines(replayed);
  const headline = (text: string): string => (verdict.held ? text : terminal.style('red', text));
  if (difference === undefined) {
    return [headline(`${title} ${end}`), `  reproduced, trace hash ${verdict.traceHash}`, ...rest];
  }
  const { text } = difference;
  if (!isDiverged(difference)) {
    return [headline(`${title} ${end}`), `  reproduced, with other notes: ${text}`, ...rest];
  }
  return [terminal.style('red', `${title} diverged from its trace; now it ${end}`), `  ${text}`, ...rest];
}

/** One line that says whether it fails, how and where; then details of the failure. */
function endLines({ verdict, reference, path }: ReplayedFile): readonly [verdict: string, ...rest: string[]] {
  const { failure, virtualMs, firedEvents } = verdict;
  if (failure === undefined) {
    return [verdictText({ virtualMs, firedEvents })];
  }
  const stack = stackOf(failure.cause);
  const place = stack === undefined ? undefined : shortPlaceOf(stack);
  const { rest } = headlineOf(failure.message);
  return [
    verdictText({ failure, virtualMs, firedEvents, place }),
    ...(rest.length === 0 ? failureDetails(failure) : failureText(failure)),
    `  again: ${fileLine('replay', path, reference)}`,
    `  to explain it: ${fileLine('explain', path, reference)}`,
  ];
}
