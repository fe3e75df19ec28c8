/** A failure that was found, with what became of it, for people and for programs: of `explore` and of `explain`. */
import type { CampaignFailure } from '../explore/campaign-report.ts';
import { unusualCount } from '../explore/keyed-log.ts';
import { plainHistory } from '../explore/explain/plain-history.ts';
import type { PoolFailure } from '../campaign/pool.ts';
import type { ShrunkFailure } from '../campaign/task.ts';
import { counted, formatCount } from '../model/plural.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import { cutShortLines } from './cut-short-text.ts';
import { explanationLines } from './explanation-lines.ts';
import { replayLine } from './rerun-line.ts';
import { detailLines } from './source-line.ts';
import type { Terminal } from './terminal.ts';

/** A failure with what became of it. */
export interface SettledFailure {
  readonly failure: CampaignFailure;
  /** As small as it got; absent if it was not, or could not be, made smaller. */
  readonly shrunk?: ShrunkFailure;
  /** One line that repeats it. */
  readonly token: string;
  /** Where its log is kept; absent if it could not be written. */
  readonly file?: string;
}

/** One of an exploration. */
export interface FoundFailure extends SettledFailure {
  readonly failure: PoolFailure;
}

/** The failure for people: what should hold, what happened instead, how to see it again. */
export function failureBlock(
  terminal: Terminal,
  { name, description }: Pick<ScenarioDefinition, 'name' | 'description'>,
  { failure, shrunk, token, file }: SettledFailure,
): string[] {
  const rule = failure.rule === undefined ? '' : ` (${failure.rule})`;
  const { explanation } = shrunk ?? {};
  return [
    terminal.style('bold', `${name}: ${failure.kind}${rule}`),
    // What should hold, for a reader who does not know the scenario.
    terminal.style('dim', description),
    ...(explanation === undefined
      ? [...plainLines(terminal, shrunk ?? failure), `  again: ${replayLine(token, file)}`]
      : // Of what is explained by its beginning, that alone is what the explanation repeats.
        explanationLines(terminal, { ...explanation, token }, file)),
  ];
}

/** What kept it from being explained in full, if anything did. */
export function explainedLines(shrunk: ShrunkFailure | undefined): string[] {
  return shrunk === undefined ? [] : cutShortLines(shrunk.cutShort, shrunk.firedEvents, shrunk.explanation);
}

/** What became of it. */
export function settledLines({ failure, shrunk, file }: SettledFailure): string[] {
  return [
    ...(shrunk === undefined ? [] : [`  ${shrunkText(failure, shrunk)}`]),
    ...explainedLines(shrunk),
    ...(file === undefined ? [] : [`  kept in ${file}, and tried first next time`]),
  ];
}

type PlainFailure = Pick<CampaignFailure, 'message' | 'details' | 'decisions' | 'atMs'>;

/** What is known of a failure that is not explained. */
export function plainLines(terminal: Terminal, failure: PlainFailure): string[] {
  const { message, details, decisions } = failure;
  const { lines, leftOut } = plainHistory(decisions, failure);
  return [
    `  ${message}`,
    ...detailLines(details),
    ...(lines.length === 1 ? [] : [terminal.style('bold', 'What was decided')]),
    ...lines
      .map(({ role, atMs, text }) =>
        role === 'failure'
          ? terminal.style('red', `  ${atMs ?? 0} ms ! ${text}`)
          : terminal.style('yellow', `    ? ${text}`),
      )
      .slice(lines.length === 1 ? 1 : 0),
    ...(leftOut === 0 ? [] : [`      (${counted(leftOut, 'earlier decision')} left out)`]),
  ];
}

function shrunkText({ decisions }: CampaignFailure, shrunk: ShrunkFailure): string {
  if (shrunk.flakiness !== undefined) return `not made smaller, for it does not repeat: ${shrunk.flakiness}`;
  if (shrunk.wasBegunOnly === true) {
    return 'not made smaller: to run to its end what fails as well in its beginning takes more than there was time for';
  }
  const [before, after] = [decisions, shrunk.decisions].map(unusualCount) as [number, number];
  const end = shrunk.stoppedBy === 'minimal' || after === 0 ? '' : ', and might get smaller still';
  const what = `${counted(before, 'choice')} that ${before === 1 ? 'differs' : 'differ'} from the default`;
  const tried = counted(shrunk.executions, 'execution');
  if (before === 0) return `nothing to make smaller: it fails with every choice at its default`;
  return before === after
    ? `with ${what}, which is as few as ${tried} could find${end}`
    : `shrunk in ${tried}, from ${what} to ${formatCount(after)}${end}`;
}

/** A failure with what became of it, for programs. */
export function foundJson({ failure, shrunk, token, file }: SettledFailure): Record<string, unknown> {
  const { decisions, firedEvents, traceHash, message, details, ...rest } = failure;
  return {
    ...rest,
    sentence: message,
    history: plainHistory(decisions, failure).lines,
    details,
    decisionsBefore: decisions.length,
    eventsBefore: firedEvents,
    eventsAfter: firedEvents,
    traceHash,
    ...(shrunk === undefined ? {} : shrunkJson(shrunk)),
    token,
    ...(file === undefined ? {} : { file }),
  };
}

function shrunkJson(shrunk: ShrunkFailure): Record<string, unknown> {
  const {
    message,
    details,
    decisions,
    firedEvents,
    traceHash,
    executions,
    stoppedBy,
    flakiness,
    explanation,
    cutShort,
  } = shrunk;
  const {
    sentence = message,
    history = plainHistory(decisions, shrunk).lines,
    nearestPass,
  } = explanation ?? {};
  return {
    ...{ sentence, history, details, traceHash },
    eventsAfter: firedEvents,
    shrinkExecutions: executions,
    shrinkEnd: stoppedBy,
    ...(flakiness === undefined ? {} : { flakiness }),
    ...(nearestPass === undefined ? {} : { nearestPass }),
    ...(cutShort === undefined ? {} : { cutShort }),
  };
}
