/** Runs the log of an exploration again: a token, or a file of the corpus. */
import { existsSync } from 'node:fs';
import { CUT_OFF_KEY } from '../explore/failure-key.ts';
import type { History } from '../explore/explain/failure-history.ts';
import type { ReplayToken } from '../explore/replay-token.ts';
import { replayInThread, type ReplayProgress, type ThreadReplay } from '../campaign/replay.ts';
import { lostFailureKey, type LostExecution } from '../campaign/thread.ts';
import type { ReplayOutcome } from '../campaign/task.ts';
import { ScenarioRefusedError } from '../campaign/scenario-refused-error.ts';
import { formatHistory } from '../explore/explain/explanation-text.ts';
import type { Decision } from '../kernel/decisions.ts';
import { invariant } from '../kernel/invariant.ts';
import { counted } from '../model/plural.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { cutShortLines } from './cut-short-text.ts';
import { explanationLines } from './explanation-lines.ts';
import { threadLimits } from './explore-options.ts';
import { plainLines } from './failure-report.ts';
import { Interruption } from './interruption.ts';
import { detailLines } from './source-line.ts';
import type { Terminal } from './terminal.ts';
import { writeTimeline } from './timeline-file.ts';
import { writeAfterResult } from './trace-target.ts';

/** What is to be run again. */
export interface ReplayedLog {
  /** The scenario as it is named on a command line. */
  readonly scenario: string;
  readonly log: ReplayToken | readonly Decision[];
  /** Seed of `world.random`; absent for that of an exploration. */
  readonly seed?: string | undefined;
  /** Events after which it is given up, if a file says so; a token knows its own. */
  readonly maxEvents?: number | undefined;
  /** The failure that the log is kept for, if it is; a token knows its own. */
  readonly failureKey?: string | undefined;
  /** The file that keeps the log; absent if it was typed. */
  readonly file?: string;
}

/** How. */
export interface ReplayLogOptions {
  readonly json: boolean;
  /** Goes on by chance where the log does not fit. */
  readonly continueRandomly: boolean;
  /** Milliseconds without progress that count as a hang; default that of `explore`. */
  readonly hang?: number | undefined;
  /** MiB. */
  readonly memory: number;
  /** Where its timeline goes. */
  readonly timeline?: string | undefined;
}

/** 1 if it fails, 0 if it holds as it did, 3 if the log does not fit, or fits and nothing fails after going on by chance. */
export async function replayLog(
  terminal: Terminal,
  replayed: ReplayedLog,
  { json, continueRandomly, hang, memory, timeline }: ReplayLogOptions,
): Promise<ExitStatus> {
  const { scenario, log, seed, maxEvents, failureKey } = replayed;
  const interruption = new Interruption();
  try {
    const replay = await replayInThread({
      ...threadLimits({ memory, ...(hang === undefined ? {} : { hang }) }),
      ...{ scenario, log, failureKey, explains: true },
      drawsTimeline: timeline !== undefined,
      ...(seed === undefined ? {} : { seed }),
      ...(maxEvents === undefined ? {} : { maxEvents }),
      onGap: continueRandomly ? 'random' : 'keyed',
      signal: interruption.signal,
      onProgress: (progress) => terminal.progress(replayProgressText(scenario, progress)),
    });
    terminal.progress('');
    if (interruption.status !== undefined && replay.outcome === undefined) return interruption.status;
    if (json) terminal.json(replayJson(replayed, replay));
    else for (const line of replayLines(terminal, replayed, replay)) terminal.line(line);
    const status = interruption.status ?? statusOf(replayed, replay, continueRandomly);
    if (timeline !== undefined) {
      const target = { path: timeline, json, interruption };
      await writeAfterResult(terminal, status, () => writeTimeline(terminal, target, replay));
    }
    return interruption.status ?? status;
  } catch (error) {
    if (error instanceof ScenarioRefusedError) throw new UsageError(refusalText(error, replayed));
    throw error;
  } finally {
    terminal.progress('');
    interruption.dispose();
  }
}

function refusalText({ message }: ScenarioRefusedError, { scenario, file }: ReplayedLog): string {
  const isElsewhere = file === undefined && isMissingFile(scenario);
  const hint = '; a token holds the path as it was typed, so it is pasted in the same folder';
  return `${message}${isElsewhere ? hint : ''}`;
}

/** True for `FILE` or `FILE#NAME` of a file that is not there. */
function isMissingFile(reference: string): boolean {
  const path = reference.replace(/#[^#]*$/, '');
  return path.includes('/') && !existsSync(path);
}

/** How far it is, for somebody who waits. */
export function replayProgressText(
  scenario: string,
  { executions, decisions, seconds }: ReplayProgress,
): string {
  const time = `${Math.round(seconds)} s`;
  if (executions === 0) return `${scenario}: loading, ${time}`;
  if (executions === 1) return `${scenario}: running it, ${time}, ${counted(decisions, 'decision')}`;
  return `${scenario}: explaining it, ${time}, ${counted(executions - 1, 'more execution')}`;
}

function expectedKey({ log, failureKey }: ReplayedLog): string | undefined {
  return 'failureKey' in log ? log.failureKey : failureKey;
}

/** True if the execution took its thread with it, and the log is kept for another failure. */
function isOtherLoss(replayed: ReplayedLog, lost: LostExecution): boolean {
  const key = expectedKey(replayed);
  return key !== undefined && key !== lostFailureKey(lost);
}

function statusOf(
  replayed: ReplayedLog,
  { outcome, lost }: ThreadReplay,
  continueRandomly: boolean,
): ExitStatus {
  if (lost !== undefined) return isOtherLoss(replayed, lost) ? EXIT_STATUS.DIVERGED : EXIT_STATUS.FAILED;
  invariant(outcome !== undefined, 'a replay that nobody has stopped comes to an end');
  if (!outcome.isReproduced && !continueRandomly) return EXIT_STATUS.DIVERGED;
  if (outcome.failure !== undefined) return EXIT_STATUS.FAILED;
  return outcome.isReproduced ? EXIT_STATUS.HELD : EXIT_STATUS.DIVERGED;
}

function replayLines(terminal: Terminal, replayed: ReplayedLog, replay: ThreadReplay): string[] {
  const { scenario, file } = replayed;
  const { outcome, lost } = replay;
  if (lost !== undefined) return lostLines(terminal, replayed, lost);
  if (outcome === undefined) return [];
  const { gap, traceHash, isSameTrace } = outcome;
  if (gap === undefined && expectedKey(replayed) === CUT_OFF_KEY) {
    return goneOnLines(terminal, replayed, replay, outcome);
  }
  if (gap === undefined) {
    const trace = isSameTrace ? `trace hash ${traceHash}` : 'after other events';
    return [
      `${scenario}: reproduced, ${trace}`,
      ...(isSameTrace
        ? []
        : ['  the decisions fit and the failure is the same; what else happens has changed since']),
      ...(outcome.failure === undefined ? [] : ['', ...storyLines(terminal, replay, file)]),
    ];
  }
  return [
    terminal.style('red', `${scenario}: ${gapHeadline(outcome)}`),
    `  ${gap.text}`,
    ...(gap.isOfDecision && !outcome.wentOn ? ['  --continue-randomly goes on by chance from there'] : []),
    '',
    nowText(outcome),
    // What happens now is in no file.
    ...storyLines(terminal, replay, undefined),
  ];
}

/** Of what was cut off, only the beginning is known. */
function goneOnLines(
  terminal: Terminal,
  { scenario }: ReplayedLog,
  replay: ThreadReplay,
  { failure, firedEvents }: ReplayOutcome,
): string[] {
  if (failure?.kind === 'budget') {
    const head = terminal.style('red', `${scenario}: cut off again: ${failure.message}`);
    return [head, ...detailLines(failure.details)];
  }
  const end = `it has gone on and ended after ${counted(firedEvents, 'event')}`;
  if (failure === undefined) return [`${scenario}: ${end}, and holds`];
  return [
    terminal.style('red', `${scenario}: ${end}, and fails`),
    '',
    ...storyLines(terminal, replay, undefined),
  ];
}

/** Where all decisions fit, the code has changed in what comes of them: it may have been fixed. */
function gapHeadline({ gap, failure }: ReplayOutcome): string {
  if (gap?.isOfDecision !== false) return 'the log does not fit';
  return failure === undefined ? 'no longer fails' : 'now fails differently';
}

function nowText({ gap, wentOn, failure }: ReplayOutcome): string {
  const end = failure === undefined ? 'it holds' : `it fails (${failure.kind}): ${failure.message}`;
  if (wentOn) return `From there it went on by chance: ${end}`;
  const how =
    gap?.isOfDecision === true ? ', with the answers of the log to the questions that are still asked' : '';
  return `What happens now${how}: ${end}`;
}

/** The explanation; where there is none, what is known without; for what holds, what happens in it. */
function storyLines(
  terminal: Terminal,
  { outcome, story }: ThreadReplay,
  file: string | undefined,
): string[] {
  const { explanation, history, cutShort } = story;
  const cut = cutShortLines(cutShort, outcome?.firedEvents ?? 0, explanation);
  if (explanation !== undefined) return [...explanationLines(terminal, explanation, file), ...cut];
  if (outcome?.failure !== undefined) return [...plainLines(terminal, outcome.failure), ...cut];
  return history === undefined ? [] : historyLines(history);
}

function historyLines({ lines, leftOut }: History): string[] {
  return formatHistory(lines, leftOut).map(({ text }) => text);
}

function lostLines(terminal: Terminal, replayed: ReplayedLog, lost: LostExecution): string[] {
  const { kind } = lost;
  const other = isOtherLoss(replayed, lost) ? [`  expected "${expectedKey(replayed) ?? ''}"`] : [];
  const head = terminal.style(
    'red',
    `${replayed.scenario}: ${other.length === 0 ? '' : 'now fails differently, '}${kind}`,
  );
  return [
    head,
    ...other,
    ...plainLines(terminal, { ...lost, atMs: 0, details: lost.details.map((detail) => detail.trim()) }),
  ];
}

function replayJson(replayed: ReplayedLog, { outcome, story, lost }: ThreadReplay): Record<string, unknown> {
  const named = { type: 'replay', scenario: replayed.scenario };
  if (outcome === undefined) {
    const { kind, message, details = [] } = lost ?? {};
    const isReproduced =
      lost !== undefined && expectedKey(replayed) !== undefined && !isOtherLoss(replayed, lost);
    return { ...named, reproduced: isReproduced, held: false, failure: { kind, message, details } };
  }
  const { isReproduced, isSameTrace, gap, failure, wentOn, ...figures } = outcome;
  return {
    ...named,
    reproduced: isReproduced,
    sameTrace: isSameTrace,
    ...(gap === undefined ? {} : { difference: gap.text, wentOn }),
    held: failure === undefined,
    ...(failure === undefined ? {} : { failure: failureJson(failure) }),
    ...(story.explanation === undefined ? {} : { explanation: story.explanation }),
    ...(story.cutShort === undefined ? {} : { cutShort: story.cutShort }),
    ...(story.history === undefined ? {} : { history: story.history.lines }),
    ...figures,
  };
}

type ReplayFailure = NonNullable<ReplayOutcome['failure']>;

function failureJson({ kind, rule, message, atMs, details }: ReplayFailure): Record<string, unknown> {
  return { kind, ...(rule === undefined ? {} : { rule }), message, atMs, details };
}
