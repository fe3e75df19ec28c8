/** Runs the log of an exploration again: a token, or a file of the corpus. */
import type { Explanation } from '../explore/explanation.ts';
import type { ReplayToken } from '../explore/replay-token.ts';
import { replayInThread, type ThreadReplay } from '../host/explore-replay.ts';
import type { LostExecution } from '../host/explore-thread.ts';
import type { ReplayOutcome } from '../host/explore-task.ts';
import { ScenarioRefusedError } from '../host/scenario-refused-error.ts';
import type { Decision } from '../kernel/decisions.ts';
import { invariant } from '../kernel/invariant.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { explanationLines } from './explanation-lines.ts';
import { threadLimits } from './explore-options.ts';
import { Interruption } from './interruption.ts';
import type { Terminal } from './terminal.ts';

/** What is to be run again. */
export interface ReplayedLog {
  /** The scenario as it is named on a command line. */
  readonly scenario: string;
  readonly log: ReplayToken | readonly Decision[];
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
}

/** 1 if it fails, 0 if it holds as it did, 3 if the log does not fit, or fits and nothing fails after going on by chance. */
export async function replayLog(
  terminal: Terminal,
  { scenario, log, failureKey, file }: ReplayedLog,
  { json, continueRandomly, hang, memory }: ReplayLogOptions,
): Promise<ExitStatus> {
  const interruption = new Interruption();
  try {
    const replay = await replayInThread({
      ...threadLimits({ memory, ...(hang === undefined ? {} : { hang }) }),
      ...{ scenario, log, failureKey },
      onGap: continueRandomly ? 'random' : 'stop',
      signal: interruption.signal,
    });
    if (interruption.status !== undefined) return interruption.status;
    if (json) terminal.json(replayJson(scenario, replay));
    else for (const line of replayLines(terminal, scenario, replay, file)) terminal.line(line);
    return statusOf(replay, continueRandomly);
  } catch (error) {
    if (error instanceof ScenarioRefusedError) {
      const hint = '; a token holds the path as it was typed, so it is pasted in the same folder';
      throw new UsageError(`${error.message}${file === undefined ? hint : ''}`);
    }
    throw error;
  } finally {
    interruption.dispose();
  }
}

function statusOf({ outcome, lost }: ThreadReplay, continueRandomly: boolean): ExitStatus {
  if (lost !== undefined) return EXIT_STATUS.FAILED;
  invariant(outcome !== undefined, 'a replay that nobody has stopped comes to an end');
  if (!outcome.isReproduced && !continueRandomly) return EXIT_STATUS.DIVERGED;
  if (outcome.failure !== undefined) return EXIT_STATUS.FAILED;
  return outcome.isReproduced ? EXIT_STATUS.HELD : EXIT_STATUS.DIVERGED;
}

function replayLines(
  terminal: Terminal,
  scenario: string,
  { outcome, lost }: ThreadReplay,
  file: string | undefined,
): string[] {
  if (lost !== undefined) return lostLines(terminal, scenario, lost);
  if (outcome === undefined) return [];
  const { gap, explanation, traceHash } = outcome;
  if (gap === undefined) {
    return [`${scenario}: reproduced, trace hash ${traceHash}`, ...explained(terminal, explanation, file)];
  }
  return [
    terminal.style('red', `${scenario}: ${gapHeadline(outcome)}`),
    `  ${gap.text}`,
    ...(gap.isOfDecision && outcome.wentOn ? ['', `It went on by chance: ${endText(outcome)}`] : []),
    ...(gap.isOfDecision && !outcome.wentOn ? ['  --continue-randomly goes on by chance from there'] : []),
    // What went otherwise is in no file.
    ...explained(terminal, explanation, undefined),
  ];
}

/** Where all decisions fit, the code has changed in what comes of them: it may have been mended. */
function gapHeadline({ gap, failure }: ReplayOutcome): string {
  if (gap?.isOfDecision !== false) return 'the log does not fit';
  return failure === undefined ? 'no longer fails' : 'fails otherwise than it did';
}

function explained(
  terminal: Terminal,
  explanation: Explanation | undefined,
  file: string | undefined,
): string[] {
  return explanation === undefined ? [] : ['', ...explanationLines(terminal, explanation, file)];
}

function endText({ failure }: ReplayOutcome): string {
  return failure === undefined ? 'it held' : `it failed (${failure.kind}): ${failure.message}`;
}

function lostLines(
  terminal: Terminal,
  scenario: string,
  { kind, message, details }: LostExecution,
): string[] {
  const head = terminal.style('red', `${scenario}: ${kind}`);
  return [head, `  ${message}`, ...details.map((detail) => `    ${detail.trim()}`)];
}

function replayJson(scenario: string, { outcome, lost }: ThreadReplay): Record<string, unknown> {
  const named = { type: 'replay', scenario };
  if (outcome === undefined) {
    const { kind, message, details = [] } = lost ?? {};
    return { ...named, reproduced: false, held: false, failure: { kind, message, details } };
  }
  const { isReproduced, gap, failure, explanation, wentOn, ...figures } = outcome;
  return {
    ...named,
    reproduced: isReproduced,
    ...(gap === undefined ? {} : { difference: gap.text, wentOn }),
    held: failure === undefined,
    ...(failure === undefined ? {} : { failure: failureJson(failure) }),
    ...(explanation === undefined ? {} : { explanation }),
    ...figures,
  };
}

type ReplayFailure = NonNullable<ReplayOutcome['failure']>;

function failureJson({ kind, rule, message, atMs, details }: ReplayFailure): Record<string, unknown> {
  return { kind, ...(rule === undefined ? {} : { rule }), message, atMs, details };
}
