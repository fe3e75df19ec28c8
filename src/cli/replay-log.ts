/** Runs the log of an exploration again: a token, or a file of the corpus. */
import { existsSync } from 'node:fs';
import { CUT_OFF_KEY } from '../explore/failure-key.ts';
import { isWorkloadName } from '../conformance/workload/draws.ts';
import type { History } from '../explore/explain/failure-history.ts';
import { REPLAY_OUTCOMES } from '../explore/replay-outcome.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import { expectedKey, type ReplayOutcome, type ReplayTask } from '../threads/task.ts';
import {
  lostIn,
  runInThread,
  type ThreadOptions,
  type ThreadProgress,
  type ThreadRun,
} from '../threads/thread-supervisor.ts';
import { formatHistory } from '../explore/explain/explanation-text.ts';
import { invariant } from '../kernel/invariant.ts';
import { counted } from '../model/plural.ts';
import { currentFolder } from './current-folder.ts';
import type { NamedExecution, ReplayedLog } from './execution-source.ts';
import { EXIT_STATUS, InterruptedError, type ExitStatus } from './exit-status.ts';
import { threadLimits } from './explore-options.ts';
import { cutShortLines, failureJson, plainLines, storyAfterSentence } from './failure-report.ts';
import type { Interruption } from './interruption.ts';
import { LongProgress } from './long-progress.ts';
import { isModulePath, splitReference, UnknownScenarioError } from './scenario-loader.ts';
import { interruptible, type RefusedScenario } from './scenario-session.ts';
import { detailLines } from './source-line.ts';
import type { Terminal } from './terminal.ts';
import { type ExecutionFiles, filesAsked, hasFiles, writeFilesOf } from './execution-files.ts';
import { writeAfterResult } from './trace-target.ts';
import { verdictText } from './verdict-report.ts';
import { wrappedLine } from './wrapped-line.ts';

type Replay = ThreadRun<ReplayTask>;

/** Options of {@link replayLog}. */
export interface ReplayLogOptions extends ExecutionFiles {
  readonly json: boolean;
  /** Continues with random choices where the log does not fit. */
  readonly continueRandomly: boolean;
  /** Milliseconds without progress that count as a hang; default as for `explore`. */
  readonly hang?: number | undefined;
  /** Heap in MiB; default as for `explore`. */
  readonly memory?: number | undefined;
}

/**
 * Exit code: 1 if it fails, 0 if it holds as before, 3 if the log does not fit, or if random choices were needed and
 * nothing fails.
 */
export async function replayLog(
  terminal: Terminal,
  replayed: ReplayedLog,
  { json, continueRandomly, hang, memory, ...files }: ReplayLogOptions,
): Promise<ExitStatus> {
  const work = async (interruption: Interruption): Promise<ExitStatus> => {
    const onGap = continueRandomly ? 'random' : 'keyed';
    const task = {
      ...taskOf(replayed),
      onGap,
      explains: true,
      ...filesAsked(files),
    } as const;
    const limits = { ...threadLimits({ memory, hang }), signal: interruption.signal };
    const replay = await runShown({ terminal, name: replayed.scenario, json }, task, limits);
    terminal.progress('');
    requireOutcome(replayed.scenario, replay, interruption);
    noteUnexplained(terminal, replayed.scenario, replay, interruption);
    const result = statusOf(replayed, replay, continueRandomly);
    terminal.noteResult(result);
    if (json) terminal.json(replayJson(replayed, replay));
    else for (const line of replayLines(terminal, replayed, replay)) terminal.line(line);
    const status = interruption.status ?? result;
    if (hasFiles(files)) {
      const target = { ...files, json, interruption };
      await writeAfterResult(terminal, status, () => writeFilesOf(terminal, target, replayed, replay));
    }
    return interruption.status ?? status;
  };
  return interruptible(terminal, work, (refused) => refusalText(refused, replayed));
}

/** The replay task for a named execution. */
export function taskOf({
  scenario,
  log,
  seed,
  maxEvents,
  failureKey,
}: NamedExecution): Pick<ReplayTask, 'kind' | 'scenario' | 'log' | 'seed' | 'maxEvents' | 'failureKey'> {
  return { kind: 'replay', scenario, log, seed, maxEvents, failureKey };
}

/** @throws InterruptedError if a signal came before the execution was over; it says how far it had come. */
export function requireOutcome(
  name: string,
  { outcome, end }: Replay,
  { status }: Pick<Interruption, 'status'>,
): void {
  if (status === undefined || outcome !== undefined || end.type !== 'stopped') return;
  const { decisions } = end;
  const when =
    decisions === undefined
      ? 'the scenario was loading'
      : `${name} ran, after ${counted(decisions.length, 'decision')}: how it ends is not known`;
  throw new InterruptedError(`interrupted while ${when}`, status);
}

/** After a signal, says why an outcome is shown without its explanation. */
function noteUnexplained(
  terminal: Terminal,
  name: string,
  { explanation, history, end }: Replay,
  { requested }: Interruption,
): void {
  if (!requested || end.type !== 'stopped' || explanation !== undefined || history !== undefined) return;
  terminal.note(`interrupted while ${name} was explained: only its outcome is shown`);
}

/** The message for a log whose scenario could not be run, with a remedy. */
export function refusalText({ message, code }: RefusedScenario, { scenario, file }: ReplayedLog): string {
  if (file === undefined && isWorkloadName(scenario) && code === UnknownScenarioError.code) {
    return `the token is of ${scenario}, which a program of yours has explored (exploreRunner and the like): it names no file that could be run here. Give it to the same function in that program, as { replay: 'dr2:…' } beside its other options; or export default runnerWorkload(subject) from a file, explore that file, and replay what that prints`;
  }
  if (file !== undefined || !isMissingFile(scenario)) return message;
  const from = currentFolder() ?? 'a folder that is gone';
  return `the token names the file ${splitReference(scenario).file}, as it was typed. There is no such file, looked up from ${from}: paste the token in the folder where it was made`;
}

/** True for `FILE` or `FILE#NAME` if the file does not exist. */
function isMissingFile(reference: string): boolean {
  return isModulePath(reference) && !existsSync(splitReference(reference).file);
}

/** Where and how {@link runShown} shows its progress. */
export interface ShownReplay {
  readonly terminal: Pick<Terminal, 'isInteractive' | 'note' | 'progress'>;
  /** Of the scenario. */
  readonly name: string;
  readonly json: boolean;
}

/** Runs a log in a thread, and shows how far that is. */
export async function runShown(
  { terminal, name, json }: ShownReplay,
  task: ReplayTask,
  options: ThreadOptions,
): Promise<Replay> {
  const shown = new LongProgress(terminal, { json });
  const onProgress = (progress: ThreadProgress): void => shown.show(progressText(name, progress));
  onProgress({ executions: 0, decisions: 0, seconds: 0 });
  return runInThread(task, { ...options, onProgress }).finally(() => shown.end());
}

function progressText(scenario: string, { executions, decisions, seconds }: ThreadProgress): string {
  const time = `${Math.round(seconds)} s`;
  if (executions === 0) return `${scenario}: loading, ${time}`;
  if (executions === 1) return `${scenario}: running it, ${time}, ${counted(decisions, 'decision')}`;
  return `${scenario}: explaining it, ${time}, ${counted(executions - 1, 'more execution')}`;
}

/** True if the execution took its thread down although the log was kept for another failure. */
export function isOtherLoss(replayed: ReplayedLog, lost: FailingExecution): boolean {
  const key = expectedKey(replayed);
  return key !== undefined && key !== lost.key;
}

function statusOf(replayed: ReplayedLog, replay: Replay, continueRandomly: boolean): ExitStatus {
  const { outcome } = replay;
  const lost = lostIn(replay);
  if (lost !== undefined) return isOtherLoss(replayed, lost) ? EXIT_STATUS.DIVERGED : EXIT_STATUS.FAILED;
  invariant(outcome !== undefined, 'a replay that nobody has stopped comes to an end');
  if (!outcome.isReproduced && !continueRandomly) return EXIT_STATUS.DIVERGED;
  if (outcome.failing !== undefined) return EXIT_STATUS.FAILED;
  return outcome.isReproduced ? EXIT_STATUS.HELD : EXIT_STATUS.DIVERGED;
}

function replayLines(terminal: Terminal, replayed: ReplayedLog, replay: Replay): string[] {
  const { scenario, file } = replayed;
  const { outcome } = replay;
  const lost = lostIn(replay);
  if (lost !== undefined) return lostLines(terminal, replayed, lost);
  if (outcome === undefined) return [];
  const { gap, traceHash, isSameTrace } = outcome;
  if (gap === undefined && expectedKey(replayed) === CUT_OFF_KEY) {
    return continuedLines(terminal, replayed, replay, outcome);
  }
  if (gap === undefined) {
    const trace = isSameTrace
      ? `${REPLAY_OUTCOMES.reproduced}, trace hash ${traceHash}`
      : `${REPLAY_OUTCOMES.reproduced}, after other events: the decisions fit and the failure is the same; what else happens has changed since`;
    const { failing } = outcome;
    return failing === undefined
      ? [`${scenario} ${replayVerdict(replay)}`, `  ${trace}`]
      : [
          ...wrappedLine(
            `${replay.explanation?.scenario ?? scenario} ${replayVerdict(replay)}`,
            terminal.lineColumns,
          ).map((line) => terminal.style('red', line)),
          `  ${trace}`,
          ...storyLines(terminal, replay, file),
        ];
  }
  const isFixed = !gap.isOfDecision && outcome.failing === undefined;
  return [
    terminal.style(
      isFixed ? 'green' : 'red',
      `${scenario}: ${gapHeadline(outcome)}${nowText(outcome)}: it ${replayVerdict(replay)}`,
    ),
    `  ${gap.text}`,
    ...(gap.isOfDecision && !outcome.continuedRandomly
      ? ['  --continue-randomly goes on by chance from there']
      : []),
    // No file holds what happens now.
    ...storyLines(terminal, replay, undefined),
  ];
}

/** The verdict, in the words of the explanation if there is one. */
function replayVerdict({ outcome, explanation }: Replay): string {
  const { failing: failure, virtualMs = 0, firedEvents = 0 } = outcome ?? {};
  const { noticed: place, what } = explanation ?? {};
  return verdictText({ failure, virtualMs, firedEvents, place, what });
}

/** Reports a log that was cut off: only the beginning of that execution is known. */
function continuedLines(
  terminal: Terminal,
  { scenario }: ReplayedLog,
  replay: Replay,
  { failing, firedEvents }: ReplayOutcome,
): string[] {
  if (failing?.kind === 'budget') {
    const head = terminal.style('red', `${scenario}: cut off again: ${failing.message}`);
    return [head, ...detailLines(failing.details)];
  }
  const end = `it has gone on and ended after ${counted(firedEvents, 'event')}`;
  if (failing === undefined) return [`${scenario}: ${end}, and holds`];
  return [
    terminal.style('red', `${replay.explanation?.scenario ?? scenario} ${replayVerdict(replay)}`),
    `  ${end}`,
    ...storyLines(terminal, replay, undefined),
  ];
}

/** If every decision fits, the code's reaction to them has changed: the failure may have been fixed. */
function gapHeadline({ gap, failing }: ReplayOutcome): string {
  if (gap?.isOfDecision !== false) return 'the log does not fit';
  return failing === undefined ? REPLAY_OUTCOMES.fixed : REPLAY_OUTCOMES.different;
}

/** How the replay continued after the gap. */
function nowText({ gap, continuedRandomly }: ReplayOutcome): string {
  if (continuedRandomly) return ', and from there it went on by chance';
  return gap?.isOfDecision === true ? '; now, with its answers to the questions that are still asked' : '';
}

/** The explanation; without one, the known facts; for an execution that holds, what happens in it. */
function storyLines(
  terminal: Terminal,
  { outcome, explanation, cutShort, history }: Replay,
  file: string | undefined,
): string[] {
  const { failing } = outcome ?? {};
  if (failing === undefined) return history === undefined ? [] : historyLines(terminal, history);
  // Skips the sentence, which the verdict already contains.
  const shown =
    explanation === undefined
      ? plainLines(terminal, failing)
      : storyAfterSentence(terminal, explanation, file);
  return [...shown, ...cutShortLines({ ...failing, explanation, cutShort })];
}

function historyLines(terminal: Terminal, { lines, leftOut }: History): string[] {
  return formatHistory(lines, leftOut).flatMap(({ text }) => wrappedLine(text, terminal.lineColumns));
}

function lostLines(terminal: Terminal, replayed: ReplayedLog, lost: FailingExecution): string[] {
  const { kind } = lost;
  const other = isOtherLoss(replayed, lost) ? [`  expected "${expectedKey(replayed) ?? ''}"`] : [];
  const head = terminal.style(
    'red',
    `${replayed.scenario}: ${other.length === 0 ? '' : `${REPLAY_OUTCOMES.different}, `}${kind}`,
  );
  return [
    head,
    ...other,
    ...plainLines(terminal, { ...lost, details: lost.details.map((detail) => detail.trim()) }),
  ];
}

function replayJson(replayed: ReplayedLog, replay: Replay): Record<string, unknown> {
  const named = { type: 'replay', scenario: replayed.scenario };
  const { outcome, explanation, cutShort, history } = replay;
  if (outcome === undefined) {
    const lost = lostIn(replay);
    const { kind, message, details = [] } = lost ?? {};
    const isReproduced =
      lost !== undefined && expectedKey(replayed) !== undefined && !isOtherLoss(replayed, lost);
    return { ...named, reproduced: isReproduced, held: false, failure: { kind, message, details } };
  }
  const { isReproduced, isSameTrace, gap, failing, continuedRandomly, firedEvents, ...figures } = outcome;
  return {
    ...named,
    reproduced: isReproduced,
    sameTrace: isSameTrace,
    ...(gap === undefined ? {} : { difference: gap.text, continuedRandomly }),
    held: failing === undefined,
    ...(failing === undefined ? {} : { failure: failureJson(failing) }),
    ...{ explanation, cutShort, history: history?.lines },
    ...{ ...figures, events: firedEvents },
  };
}
