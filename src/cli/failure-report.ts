/**
 * What a failure prints, for people and for programs: of one seed (`run`, `replay`), and of an execution that was found, made small and
 * explained (`explore`, `explain`, and `replay` of what these printed).
 */
import type { Explanation } from '../explore/explain/explanation.ts';
import { formatExplanation, type ExplanationRole } from '../explore/explain/explanation-text.ts';
import { plainHistory } from '../explore/explain/plain-history.ts';
import { userFrameOf } from '../explore/explain/source-place.ts';
import { tokenOf, type FailingExecution, type ShrunkExecution } from '../explore/failing-execution.ts';
import { unusualCount } from '../explore/keyed-log.ts';
import { counted, formatCount } from '../model/plural.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import { kindText, type Failure, type Verdict } from '../simulation/verdict.ts';
import { formatSpan } from './quantity-text.ts';
import { explainLine, replayLine, rerunLine } from './rerun-line.ts';
import { detailLines, shownFrame } from './source-line.ts';
import type { Style, Terminal } from './terminal.ts';

const STYLES: Readonly<Partial<Record<ExplanationRole, Style>>> = {
  sentence: 'red',
  heading: 'bold',
  decision: 'yellow',
  failure: 'red',
  place: 'dim',
};

/** How many times as long `explain` makes a failure small as it explains it. */
const TIMES_EXPLAINING = 3;
/** How much more time is suggested. */
const TIMES_MORE = 4;
const MINUTE_MS = 60_000;

/** Why a simulation failed, and the lines that repeat and explain it. */
export function failureLines(terminal: Terminal, verdict: Verdict, reference: string): string[] {
  const { failure, scenario, seed } = verdict;
  if (failure === undefined) return [];
  return [
    terminal.style('red', `${scenario}, seed ${seed}: ${kindText(failure)} at ${formatSpan(failure.atMs)}`),
    ...failureText(failure),
    `  again: ${rerunLine(reference, seed)}`,
    `  to explain it: ${explainLine(reference, seed)}`,
  ];
}

/** What went wrong, in detail, and where it was noticed. */
export function failureText(failure: Failure | undefined): string[] {
  if (failure === undefined) return [];
  const { message, details, cause } = failure;
  const frame = userFrameOf(cause);
  return [
    `  ${message}`,
    ...detailLines(details),
    ...(frame === undefined ? [] : [`    at ${shownFrame(frame)}`]),
  ];
}

/** What was found for people: what should hold, what happened instead, how to see it again. */
export function failingBlock(
  terminal: Terminal,
  { name, description }: Pick<ScenarioDefinition, 'name' | 'description'>,
  failing: FailingExecution,
): string[] {
  const { shrunk = failing, explanation, file } = failing;
  const token = tokenOf(failing);
  return [
    terminal.style('bold', `${name}: ${kindText(failing)}`),
    // What should hold, for a reader who does not know the scenario.
    terminal.style('dim', description),
    ...(explanation === undefined
      ? [...plainLines(terminal, shrunk), `  again: ${replayLine(token, file)}`]
      : // Of what is explained by its beginning, that alone is what the explanation repeats.
        explanationLines(terminal, { ...explanation, token }, file)),
  ];
}

/** The explanation in the colours of the terminal, with the command as it has to be typed here. `file` keeps the log, if any does. */
export function explanationLines(
  terminal: Terminal,
  explanation: Explanation,
  file: string | undefined,
): string[] {
  return formatExplanation(explanation).map(({ role, text }) => {
    if (role === 'command') return `  ${replayLine(explanation.token, file)}`;
    const shown = role === 'place' ? text.replace(/\S.*/, (frame) => shownFrame(frame)) : text;
    const style = STYLES[role];
    return style === undefined ? shown : terminal.style(style, shown);
  });
}

/** What is known of a failure that is not explained. */
export function plainLines(
  terminal: Terminal,
  failing: Pick<FailingExecution, 'message' | 'details' | 'decisions' | 'atMs'>,
): string[] {
  const { message, details, decisions } = failing;
  const { lines, leftOut } = plainHistory(decisions, failing);
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

/** What became of it. */
export function settledLines(failing: FailingExecution): string[] {
  const { shrunk, file } = failing;
  return [
    ...(shrunk === undefined ? [] : [`  ${shrunkText(failing, shrunk)}`]),
    ...cutShortLines(failing),
    ...(file === undefined ? [] : [`  kept in ${file}, and tried first next time`]),
  ];
}

function shrunkText({ decisions }: FailingExecution, shrunk: ShrunkExecution): string {
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

/** What kept it from being explained in full, in one line, and what helps; none if nothing did. */
export function cutShortLines(failing: FailingExecution): string[] {
  const { cutShort, explanation, shrunk = failing } = failing;
  if (cutShort === undefined) return [];
  if (cutShort.by === 'events') {
    const [all, most] = [shrunk.firedEvents, cutShort.eventsMax].map(formatCount);
    return [
      explanation === undefined
        ? `  not explained: it has ${all} events, and no more than ${most} can be watched`
        : `  explained by its first ${most} events of ${all}`,
    ];
  }
  const { timeMs } = cutShort;
  const more = `dryrunner explain --time ${Math.ceil((timeMs * TIMES_EXPLAINING * TIMES_MORE) / MINUTE_MS)}m takes longer`;
  const time = `${Math.round(timeMs / 100) / 10} s`;
  if (explanation === undefined) return [`  not explained: that took more than its ${time}; ${more}`];
  const { untried } = explanation.nearestSearch;
  return [
    `  explaining it took all of its ${time}, and ${counted(untried, 'decision')} had no other answer tried in full; ${more}`,
  ];
}

/** A failure as `run` and `replay` give it to programs: all but the cause, which may be any object. */
export function failureJson({
  kind,
  rule,
  message,
  atMs,
  details,
}: Pick<FailingExecution, 'kind' | 'rule' | 'message' | 'atMs' | 'details'>): Record<string, unknown> {
  return { kind, rule, message, atMs, details };
}

/** A failing execution with what became of it, for programs. */
export function failingJson(failing: FailingExecution): Record<string, unknown> {
  const { key, kind, rule, atMs, index, executions, configuration, corpusId, seconds } = failing;
  const { shrunk, explanation, cutShort, file } = failing;
  const smallest = shrunk ?? failing;
  const {
    sentence = smallest.message,
    history = plainHistory(smallest.decisions, smallest).lines,
    nearestPass,
  } = explanation ?? {};
  return {
    ...{ key, kind, rule, atMs, index, executions, configuration, corpusId, seconds },
    ...{ sentence, history, details: smallest.details },
    decisionsBefore: failing.decisions.length,
    eventsBefore: failing.firedEvents,
    eventsAfter: smallest.firedEvents,
    traceHash: smallest.traceHash,
    shrinkExecutions: shrunk?.executions,
    shrinkEnd: shrunk?.stoppedBy,
    flakiness: shrunk?.flakiness,
    ...{ nearestPass, cutShort, token: tokenOf(failing), file },
  };
}
