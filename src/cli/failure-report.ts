/**
 * Reports of failures, for people and for programs: of one seed (`run`, `replay`), and of an execution that was found,
 * shrunk and explained (`explore`, `explain`, and `replay` of what these print).
 */
import type { Explanation } from '../explore/explain/explanation.ts';
import { IMPORT_CAUSE, moduleStateLines } from '../explore/explain/difference-text.ts';
import {
  formatExplanation,
  type ExplanationLine,
  type ExplanationRole,
} from '../explore/explain/explanation-text.ts';
import {
  formatCutShort,
  formatMessage,
  formatEffort,
  formatUnexplained,
  type UnexplainedFailure,
} from '../explore/explain/failing-text.ts';
import { folded } from '../kernel/one-line.ts';
import { stackLine } from '../kernel/stack-line.ts';
import { plainHistory } from '../explore/explain/plain-history.ts';
import { unrepeatedText } from '../explore/explain/unrepeated-text.ts';
import { userFrameOf } from '../explore/explain/source-place.ts';
import { tokenOf, type FailingExecution } from '../explore/failing-execution.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import { kindText, type Failure, type Verdict } from '../simulation/verdict.ts';
import { formatSpan } from './quantity-text.ts';
import { explainLine, replayLine, rerunLine, type LongerSource } from './rerun-line.ts';
import { detailLines, shownFrame } from './source-line.ts';
import type { Style } from './styled-text.ts';
import { EXPLAIN_MS, SHRINK_MS } from './explore-defaults.ts';
import type { Terminal } from './terminal.ts';
import { wrappedLine } from './wrapped-line.ts';

const STYLES: Readonly<Partial<Record<ExplanationRole, Style>>> = {
  sentence: 'red',
  heading: 'bold',
  decision: 'yellow',
  failure: 'red',
  place: 'dim',
};

/** How many times as long `explain` shrinks a failure as it explains it. */
const TIMES_EXPLAINING = SHRINK_MS / EXPLAIN_MS;
/** Factor of the longer time that is suggested. */
const TIMES_MORE = 4;
const MINUTE_MS = 60_000;

/**
 * Why a simulation failed, and the command lines that repeat and explain it. `againOfEarlier` is given if only earlier
 * simulations lead to the failure: the line that runs these too.
 */
export function failureLines(
  terminal: Terminal,
  verdict: Verdict,
  reference: string,
  againOfEarlier?: string,
): string[] {
  const { failure, scenario, seed } = verdict;
  if (failure === undefined) return [];
  return [
    terminal.style('red', `${scenario}, seed ${seed}: ${kindText(failure)} at ${formatSpan(failure.atMs)}`),
    ...failureText(failure),
    ...(againOfEarlier === undefined
      ? [`  again: ${rerunLine(reference, seed)}`, `  to explain it: ${explainLine(reference, seed)}`]
      : [
          ...[
            ...moduleStateLines('Alone, in a new thread, this seed does not fail like this'),
            IMPORT_CAUSE,
          ].map((line) => `  ${line}`),
          `  again: ${againOfEarlier}`,
        ]),
  ];
}

/** The message of a failure, its details, and where it was noticed. */
export function failureText(failure: Failure | undefined): string[] {
  if (failure === undefined) return [];
  return [...formatMessage(failure.message).map(({ text }) => text), ...failureDetails(failure)];
}

/** The same without the message. */
export function failureDetails({ details, cause }: Failure): string[] {
  const frame = userFrameOf(cause);
  return [...detailLines(details), ...(frame === undefined ? [] : [stackLine(shownFrame(frame))])];
}

/**
 * A failing execution for people: what should hold, what happened instead, how to see it again. `longer` repeats it if
 * its token is too long.
 */
export function failingBlock(
  terminal: Terminal,
  { name, description }: Pick<ScenarioDefinition, 'name' | 'description'>,
  failing: FailingExecution,
  longer: LongerSource = failing.file,
): string[] {
  const { shrunk = failing, explanation } = failing;
  const token = tokenOf(failing);
  return [
    terminal.style('bold', `${name}: ${kindText(failing)}`),
    // States what should hold, for a reader who does not know the scenario.
    ...wrappedLine(folded(description), terminal.lineColumns).map((line) => terminal.style('dim', line)),
    ...(explanation === undefined
      ? [...plainLines(terminal, shrunk), `  again: ${replayLine(token, longer)}`]
      : // If only the beginning was explained, the explanation's own token would repeat only that.
        explanationLines(terminal, { ...explanation, token }, longer)),
  ];
}

/**
 * The explanation in the terminal's colours, with the command line as typed here. `longer` repeats it if its token is
 * too long.
 */
export function explanationLines(
  terminal: Terminal,
  explanation: Explanation,
  longer: LongerSource,
): string[] {
  return shownLines(terminal, formatExplanation(explanation), replayLine(explanation.token, longer));
}

/** The same without its first line, the sentence. */
export function storyAfterSentence(
  terminal: Terminal,
  explanation: Explanation,
  longer: LongerSource,
): string[] {
  const [, ...story] = formatExplanation(explanation);
  return shownLines(terminal, story, replayLine(explanation.token, longer));
}

function shownLines(terminal: Terminal, lines: readonly ExplanationLine[], command: string): string[] {
  return lines.flatMap((line) => (line.role === 'command' ? [`  ${command}`] : styledLines(terminal, line)));
}

/** A line in the terminal's colours, broken where the terminal is too narrow for it. */
function styledLines(terminal: Terminal, { role, text }: ExplanationLine): string[] {
  // A terminal opens a path by a click only if it is in one line.
  if (role === 'place') {
    return [
      inStyle(
        terminal,
        role,
        text.replace(/\S.*/, (frame) => shownFrame(frame)),
      ),
    ];
  }
  const isDrawing = role === 'note' && /\S {2,}\S/.test(text);
  const lines = isDrawing ? [text] : wrappedLine(text, terminal.lineColumns);
  return lines.map((line) => inStyle(terminal, role, line));
}

function inStyle(terminal: Terminal, role: ExplanationRole, text: string): string {
  const style = STYLES[role];
  return style === undefined ? text : terminal.style(style, text);
}

/**
 * What became of the failure. With `saysWhy`, an audit that found two executions to differ already gives the reason, so
 * no likely cause is added.
 */
export function effortLines(
  failing: FailingExecution,
  { options }: Pick<ScenarioDefinition, 'options'>,
  saysWhy = false,
): string[] {
  const place = { isAmbient: options?.ambient !== undefined, remedy: REMEDY };
  return formatEffort(failing, explainLonger, saysWhy ? undefined : unrepeatedText(place));
}

const REMEDY =
  'explore --strict lists what is called, the scenario option ambient: ambientTime() makes it virtual';

/** What kept the failure from being explained in full, in one line, with a remedy; empty if nothing did. */
export function cutShortLines(failing: FailingExecution): string[] {
  return formatCutShort(failing, explainLonger);
}

function explainLonger(timeMs: number): string {
  return `dryrunner explain --time ${Math.ceil((timeMs * TIMES_EXPLAINING * TIMES_MORE) / MINUTE_MS)}m takes longer`;
}

/** The facts about a failure without an explanation. */
export function plainLines(terminal: Terminal, failing: UnexplainedFailure): string[] {
  return formatUnexplained(failing).flatMap((line) => styledLines(terminal, line));
}

/** A failure in the JSON of `run` and `replay`: without the cause, which may be any object. */
export function failureJson({
  kind,
  rule,
  message,
  atMs,
  details,
}: Pick<FailingExecution, 'kind' | 'rule' | 'message' | 'atMs' | 'details'>): Record<string, unknown> {
  return { kind, rule, message, atMs, details };
}

/** A failing execution and what became of it, as JSON. */
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
