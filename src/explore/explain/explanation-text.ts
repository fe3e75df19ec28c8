/** Formats an explanation as lines for a terminal. Invariant: plain text; the printer chooses colours by role. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { onOneLine } from '../../kernel/one-line.ts';
import { reportText } from '../../kernel/report-text.ts';
import { counted, plural } from '../../model/plural.ts';
import { decodeToken } from '../replay-token.ts';
import { vitestTestOf } from '../vitest-test.ts';
import type { Explanation, NearestSearch } from './explanation.ts';
import type { FailureDetail } from './failure-details.ts';
import type { HistoryLine } from './failure-history.ts';
import { LINES_VARIABLE } from './history-length.ts';
import type { NearestPass } from './nearest-history.ts';
import type { SourcePlace } from './source-place.ts';
import { outcomeLines } from './value-outcomes-text.ts';
import type { FailingValue, ValueOutcomes } from './value-outcomes.ts';

/** The role of a line, for styling. */
export type ExplanationRole =
  'sentence' | 'heading' | 'event' | 'decision' | 'failure' | 'note' | 'place' | 'command';

/** One line; line breaks and control characters in names and values are escaped. */
export interface ExplanationLine {
  readonly role: ExplanationRole;
  readonly text: string;
}

/** What the lines are made from. An explanation that was stored may have no rules and no outcomes of other values. */
type ShownExplanation = Pick<
  Explanation,
  | 'scenario'
  | 'sentence'
  | 'history'
  | 'leftOut'
  | 'details'
  | 'nearestPass'
  | 'nearestSearch'
  | 'places'
  | 'token'
> &
  Partial<Pick<Explanation, 'rules' | 'valueOutcomes'>>;

const TEXTS = is.listOf(is.TEXT);
const EXPLANATION = is.objectOf<ShownExplanation>(
  'an explanation',
  {
    scenario: is.TEXT,
    sentence: is.TEXT,
    history: is.listOf(
      is.objectOf<HistoryLine>(
        'a line of a history',
        { role: is.oneOf('event', 'decision', 'failure'), atMs: is.NUMBER, runner: is.TEXT, text: is.TEXT },
        { because: is.TEXT, leftOutBefore: is.COUNT },
      ),
    ),
    leftOut: is.COUNT,
    details: is.listOf(is.objectOf<FailureDetail>('a detail', { text: is.TEXT, frames: TEXTS }, {})),
    nearestSearch: is.objectOf<NearestSearch>(
      'what was tried nearby',
      { executions: is.COUNT, isComplete: is.BOOLEAN, untried: is.COUNT },
      {
        stoppedBy: is.oneOf('executions', 'stopped', 'hollow'),
        otherFailure: is.TEXT,
        hasSkippedAnswers: is.BOOLEAN,
        repeated: is.COUNT,
      },
    ),
    places: is.listOf(is.objectOf<SourcePlace>('a place', { what: is.TEXT, frames: TEXTS }, {})),
    token: is.TEXT,
  },
  {
    rules: TEXTS,
    valueOutcomes: is.listOf(
      is.objectOf<ValueOutcomes>(
        'the outcomes of the values of a choice',
        {
          what: is.TEXT,
          fails: TEXTS,
          failsOtherwise: TEXTS,
          holds: TEXTS,
          examples: is.listOf(
            is.objectOf<FailingValue>('a failing value', { value: is.TEXT, text: is.TEXT }, {}),
          ),
          untried: is.COUNT,
        },
        {},
      ),
    ),
    nearestPass: is.objectOf<NearestPass>(
      'the nearest passing execution',
      { text: is.TEXT, changes: is.COUNT },
      { difference: is.TEXT, lack: is.TEXT },
    ),
  },
);

/**
 * The lines of an explanation in reading order: sentence, broken rules, history, details, what would have held, places,
 * command.
 * The command is `dryrunner replay` if `explain` was given a `reference`; otherwise no command line can load the
 * scenario, and it is the call that repeats the failure on its executor.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an explanation.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { question } from 'dryrunner/kernel';
 * import { createExecutor, explain, formatExplanation } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'coin',
 *   description: 'never heads',
 *   run: (sim) => sim.check(sim.choose('toss', 2) === 0, 'heads'),
 * });
 * const log = [{ question: question('choice', 'toss'), n: 2, answer: 1 }];
 * const explanation = await explain(createExecutor(scenario), log, { reference: './coin.js#scenario' });
 * const lines = formatExplanation(explanation);
 * if (!lines.at(-1)?.text.startsWith('dryrunner replay dr2:')) throw new Error('expected the line to paste');
 * ```
 */
export function formatExplanation(explanation: Explanation): ExplanationLine[] {
  check('explanation', explanation, EXPLANATION);
  return [
    ...formatFindings(explanation, allLinesText(explanation)),
    heading('To see it again'),
    explanationLine('command', againText(explanation)),
  ];
}

/**
 * The lines of an explanation without the command; `how` is what shows the lines of the history that are left out, if
 * anything does.
 */
export function formatFindings(explanation: Explanation, how: string | undefined): ExplanationLine[] {
  const { sentence, rules = [], history, leftOut, details, places } = explanation;
  return [
    explanationLine('sentence', sentence),
    ...(rules.length === 0
      ? []
      : [heading('What the contract says'), ...rules.map((rule) => note(`  ${rule}`))]),
    ...formatHistory(history, leftOut, how),
    ...(details.length === 0 ? [] : [heading('In detail'), ...details.flatMap(detailLines)]),
    ...whatHolds(explanation),
    ...(places.length === 0 ? [] : [heading('Where'), ...places.flatMap(placeLines)]),
  ];
}

/** A scenario that is known by its name alone is in no file that a command line could load. */
function againText({ scenario, token }: ShownExplanation): string {
  return referenceIn(token) === scenario
    ? `checkReplay(executor, decodeToken('${token}'))`
    : `dryrunner replay ${token}`;
}

/** What shows the lines that are left out: a clause. */
export function allLinesText({ scenario, token }: ShownExplanation): string {
  const reference = referenceIn(token) ?? '';
  if (reference === scenario) return 'explain with linesMax: Infinity shows them';
  return vitestTestOf(reference) === undefined
    ? 'explain TOKEN --all-lines shows them'
    : `${LINES_VARIABLE}=all shows them`;
}

/** Undefined for a token of another version, which a stored explanation may have. */
function referenceIn(token: string): string | undefined {
  try {
    return decodeToken(token).scenario;
  } catch {
    return undefined;
  }
}

/** Empty if there was nothing to decide differently. */
function whatHolds(explanation: ShownExplanation): ExplanationLine[] {
  const { nearestPass, nearestSearch, valueOutcomes = [] } = explanation;
  if (nearestPass === undefined && nearestSearch.isComplete && nearestSearch.executions === 0) return [];
  return [
    heading('What would have held'),
    note(`  ${nearestPass?.text ?? nothingHeld(explanation)}`),
    ...(nearestPass?.lack === undefined ? [] : [note(`  ${nearestPass.lack}`)]),
    ...(nearestPass?.difference === undefined ? [] : [note(`  ${nearestPass.difference}`)]),
    ...outcomeLines(valueOutcomes).map((line) => note(`  ${line}`)),
  ];
}

/** The lines of a history, with their heading. `how` is what shows those that are left out, if anything does. */
export function formatHistory(
  history: readonly HistoryLine[],
  leftOut: number,
  how?: string,
): ExplanationLine[] {
  const atWidth = history.reduce((width, { atMs }) => Math.max(width, String(atMs).length), 0);
  const indent = `  ${' '.repeat(atWidth)}     `;
  const unmarked = history.reduce((left, { leftOutBefore = 0 }) => left - leftOutBefore, leftOut);
  const atEnd = [
    ...(unmarked === 0 ? [] : [`${unmarked} more ${plural(unmarked, 'line')} left out`]),
    ...(leftOut === 0 || how === undefined ? [] : [how]),
  ];
  return [
    heading('What happened'),
    ...history.flatMap((line) => [
      ...(line.leftOutBefore === undefined
        ? []
        : [note(`${indent}… ${counted(line.leftOutBefore, 'line')} left out`)]),
      historyLine(line, atWidth),
    ]),
    ...(atEnd.length === 0 ? [] : [note(`${indent}(${atEnd.join('; ')})`)]),
  ];
}

/** Claims no more than was tried. */
function nothingHeld({ nearestSearch }: ShownExplanation): string {
  const {
    executions,
    isComplete,
    stoppedBy,
    untried,
    otherFailure,
    hasSkippedAnswers = false,
    repeated = 0,
  } = nearestSearch;
  const count = counted(executions, 'execution');
  if (isComplete) {
    const parts = [
      `Nothing nearby: ${count} with other decisions ${executions === 1 ? 'fails' : 'fail'} as well`,
      ...(otherFailure === undefined ? [] : [otherFailure]),
      ...(hasSkippedAnswers ? ['the pauses of its clients were not varied'] : []),
      ...(repeated === 0 ? [] : [`${counted(repeated, 'decision')} of what repeats were not varied`]),
    ];
    return `${parts.join('; ')}.`;
  }
  const why = stoppedBy === 'executions' ? 'no more executions were allowed' : 'the search was stopped';
  const left = untried > 0 ? `, with ${counted(untried, 'decision')} left to vary` : '';
  return executions === 0
    ? `Unknown: nothing nearby was tried, because ${why}${left}.`
    : `Unknown: none of the ${count} tried nearby holds; ${why}${left}.`;
}

/**
 * Composes a line: whatever is in it, it stays one, and no name in it floods the report. What a reader copies stays
 * whole.
 */
export function explanationLine(role: ExplanationRole, text: string): ExplanationLine {
  return { role, text: role === 'command' || role === 'place' ? onOneLine(text) : reportText(text) };
}

function heading(text: string): ExplanationLine {
  return explanationLine('heading', text);
}

function note(text: string): ExplanationLine {
  return explanationLine('note', text);
}

function historyLine({ role, atMs, text, because }: HistoryLine, atWidth: number): ExplanationLine {
  const cause = because === undefined ? '' : `  (${because})`;
  const mark = role === 'event' ? ' ' : role === 'decision' ? '?' : '!';
  return explanationLine(role, `  ${String(atMs).padStart(atWidth)} ms ${mark} ${text}${cause}`);
}

function detailLines({ text, frames }: FailureDetail): ExplanationLine[] {
  return [note(`  ${text}`), ...frames.map(frameLine)];
}

function placeLines({ what, frames }: SourcePlace): ExplanationLine[] {
  return [note(`  ${what}`), ...frames.map(frameLine)];
}

function frameLine(frame: string): ExplanationLine {
  return explanationLine('place', `    ${frame}`);
}
