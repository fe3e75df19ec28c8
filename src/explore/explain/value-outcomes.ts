/**
 * Tries the other values of what was chosen, one choice at a time: which fail as well, and which hold. Invariant: each
 * was really run, with everything else decided as in the failing execution; a value that was not run is counted, not
 * guessed.
 */
import type { Failure } from '../../simulation/verdict.ts';
import type { Executor } from '../executor.ts';
import { failureKey, headlineOf } from '../failure-key.ts';
import { answersOf, nonZeroOf, withAnswer } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { lookingOften } from '../known-stall.ts';
import { answersByValue, DESCRIBED_MAX } from './answer-order.ts';
import { messageAskedAbout } from './arrivals.ts';
import type { ObservedDecision } from './observed-run.ts';
import { answerText, askedText, outageClause } from './question-text.ts';
import type { RunIndex } from './run-index.ts';

/** What becomes of the failure with the other values of one choice. */
export interface ValueOutcomes {
  /** What is chosen: `"client 0 asks"`, `the delay of "wire carries beat 1"`. */
  readonly what: string;
  /** Values with which it fails in the same way, among them the one of the failing execution; in order. */
  readonly fails: readonly string[];
  /** Values with which it fails in another way. */
  readonly failsOtherwise: readonly string[];
  readonly holds: readonly string[];
  /**
   * How the farthest of the values fails that lead to the same failure with other details, and the nearest of those that
   * lead to another failure.
   */
  readonly examples: readonly FailingValue[];
  /** Number of values that were not tried, because the search had to stop, or did not end. */
  readonly untried: number;
}

/** A value, and the failure that it leads to. */
export interface FailingValue {
  readonly value: string;
  /** The details of its message in one line, or the message if it has none. */
  readonly text: string;
}

/** Limits of the trials. */
export interface ValueOutcomesOptions {
  /** Maximum number of executions. */
  readonly maxExecutions: number;
  /** Asked before each execution; true ends the trials. */
  readonly shouldStop: () => boolean;
  /** True for a decision of which other answers explain nothing. */
  readonly isFixed: (decision: ObservedDecision) => boolean;
}

/** At most this many choices are varied: with more, a reader sees none. */
const CHOICES_MAX = 3;
/** Of a choice with more values, no table is made. */
const VALUES_MAX = 16;
/** With fewer, there is one alternative, and the nearest passing execution says what becomes of it. */
const VALUES_MIN = 3;
/** Maximum number of executions for one failure. */
const EXECUTIONS_MAX = 45;
/** Length of the text of an example. */
const TEXT_LENGTH_MAX = 300;
/** A longer value, such as a whole program, is not compared at a glance. */
const VALUE_LENGTH_MAX = 100;

/**
 * The values of the choices on which a failure turns: those of `decisive` first, then others that differ from the
 * default. Choices with two values, with more than 16, or without words for them are left out.
 */
export async function valueOutcomes(
  executor: Executor,
  { run, args }: RunIndex,
  decisive: readonly ObservedDecision[],
  options: ValueOutcomesOptions,
): Promise<ValueOutcomes[]> {
  const { failure } = run.verdict;
  if (failure === undefined) return [];
  const trials = new Trials(executor, failure, nonZeroOf(run.decisions), options);
  const candidates = new Set([...decisive, ...run.decisions.filter(({ answer }) => answer > 0)]);
  const varied = [...candidates].flatMap((decision) => {
    const answers = options.isFixed(decision) ? undefined : answersToTry(decision);
    return answers === undefined ? [] : [{ decision, answers }];
  });
  const all: ValueOutcomes[] = [];
  for (const { decision, answers } of varied.slice(0, CHOICES_MAX)) {
    const outcomes = await trials.outcomesOf(decision, answers);
    // With one other value, the nearest passing execution says as much.
    if (answers.length - outcomes.untried >= VALUES_MIN) {
      const about = messageAskedAbout(run, decision, args) ?? askedText(decision);
      all.push({ what: whatIsChosen(decision, about), ...outcomes });
    }
  }
  return all;
}

type Outcomes = Omit<ValueOutcomes, 'what'>;

type Outcome = 'fails' | 'failsOtherwise' | 'holds';

class Trials {
  readonly #executor: Executor;
  readonly #key: string;
  /** That of the failing execution. */
  readonly #given: Trial;
  readonly #isStall: boolean;
  readonly #log: readonly KeyedDecision[];
  readonly #shouldStop: () => boolean;
  #left: number;

  constructor(
    executor: Executor,
    failure: Failure,
    log: readonly KeyedDecision[],
    { maxExecutions, shouldStop }: ValueOutcomesOptions,
  ) {
    this.#executor = executor;
    this.#key = failureKey(failure);
    this.#given = { outcome: 'fails', text: detailsText(failure) };
    this.#isStall = failure.kind === 'stall';
    this.#log = log;
    this.#shouldStop = shouldStop;
    this.#left = Math.min(maxExecutions, EXECUTIONS_MAX);
  }

  async outcomesOf(decision: ObservedDecision, answers: readonly TriedAnswer[]): Promise<Outcomes> {
    const values: Record<Outcome, string[]> = { fails: [], failsOtherwise: [], holds: [] };
    const tried = new Map<string, Trial>();
    let untried = 0;
    for (const { answer, text } of answers) {
      const trial = answer === decision.answer ? this.#given : await this.#trialOf(decision, answer);
      if (trial === undefined) untried += 1;
      else values[trial.outcome].push(text);
      if (trial !== undefined) tried.set(text, trial);
    }
    const own = answers.findIndex(({ answer }) => answer === decision.answer);
    const byDistance = answers
      .map(({ text }, at) => ({ text, apart: Math.abs(at - own) }))
      .sort((one, other) => other.apart - one.apart);
    return {
      ...values,
      examples: this.#examplesOf(
        byDistance.map(({ text }) => text),
        tried,
      ),
      untried,
    };
  }

  /** `values` are sorted by their distance from the value of the failing execution, the farthest first. */
  #examplesOf(values: readonly string[], tried: ReadonlyMap<string, Trial>): FailingValue[] {
    const given = this.#given.text;
    const ofOutcome = (outcome: Outcome): FailingValue[] =>
      values.flatMap((value) => {
        const trial = tried.get(value);
        return trial?.outcome === outcome ? [{ value, text: trial.text }] : [];
      });
    const alike = ofOutcome('fails').find(({ text }) => withoutNumbers(text) !== withoutNumbers(given));
    const otherwise = ofOutcome('failsOtherwise').at(-1);
    return [alike, otherwise].filter((example) => example !== undefined);
  }

  async #trialOf(decision: ObservedDecision, answer: number): Promise<Trial | undefined> {
    const log = withAnswer(this.#log, decision, answer);
    // What holds under a short watch for stalls holds under the usual one, but what stalls under it may hold.
    const brief = this.#isStall ? await this.#execute(lookingOften(this.#executor), log) : undefined;
    return brief?.outcome === 'holds' ? brief : this.#execute(this.#executor, log);
  }

  /** Undefined if it was not run, or did not end. */
  async #execute(executor: Executor, log: readonly KeyedDecision[]): Promise<Trial | undefined> {
    if (this.#left <= 0 || this.#shouldStop()) return undefined;
    this.#left -= 1;
    const { held, failure } = await executor.execute({ source: answersOf(log) });
    if (held) return { outcome: 'holds', text: '' };
    if (failure === undefined || failure.kind === 'interrupted') return undefined;
    return failureKey(failure) === this.#key
      ? { outcome: 'fails', text: detailsText(failure) }
      : { outcome: 'failsOtherwise', text: headlineOf(failure.message).headline };
  }
}

/** How one value ends; the text is empty if it holds. */
interface Trial {
  readonly outcome: Outcome;
  readonly text: string;
}

function detailsText({ message }: Failure): string {
  const { headline, rest } = headlineOf(message);
  const text = rest.flatMap((line) => line.trim() || []).join(' ') || headline;
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
}

/** Times and counts differ with nearly every value, and say little. */
function withoutNumbers(text: string): string {
  return text.replaceAll(/\d+/g, '0');
}

interface TriedAnswer {
  readonly answer: number;
  readonly text: string;
}

/** One answer per value, in the order of the values; undefined if a table of them would say nothing. */
function answersToTry(decision: ObservedDecision): readonly TriedAnswer[] | undefined {
  const { question, n, answer, due, drawn } = decision;
  const isOfValue = question.kind === 'choice' || question.kind === 'delay';
  if (!isOfValue || due.length > 0 || drawn !== undefined || n > DESCRIBED_MAX) return undefined;
  const inOrder = answersByValue(decision) ?? Array.from({ length: n }, (_, at) => at);
  const byText = new Map<string, number>();
  for (const other of [answer, ...inOrder]) {
    const text = answerText(decision, other);
    if (text === undefined || text.length > VALUE_LENGTH_MAX) return undefined;
    if (!byText.has(text)) byText.set(text, other);
  }
  if (byText.size < VALUES_MIN || byText.size > VALUES_MAX) return undefined;
  const suffix = question.kind === 'delay' ? ' ms' : '';
  return [...byText]
    .map(([text, other]) => ({ answer: other, text: `${text}${suffix}` }))
    .sort((a, b) => inOrder.indexOf(a.answer) - inOrder.indexOf(b.answer));
}

function whatIsChosen({ question: { kind, topic } }: ObservedDecision, about: string): string {
  if (kind !== 'delay') return about;
  const outage = outageClause(topic, 'is');
  return outage === undefined ? `the delay of ${about}` : `how long ${outage}`;
}
