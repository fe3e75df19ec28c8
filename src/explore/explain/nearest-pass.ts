/**
 * Finds the passing execution nearest to a failing one: one answer changed, the latest possible, so that both share
 * their history for as long as possible; several only if no single non-default answer suffices. Invariant: the
 * execution was really run, and held.
 */
import type { Failure } from '../../simulation/verdict.ts';
import type { Executor } from '../executor.ts';
import { failureKey, headlineOf } from '../failure-key.ts';
import { answersOf, withAnswer } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { answersByValue, DESCRIBED_MAX, numbersApart } from './answer-order.ts';
import { answerText } from './question-text.ts';
import type { ObservedDecision } from './observed-run.ts';
import { stopOf } from '../stop-condition.ts';

/** Maximum number of executions, unless an option says otherwise. */
export const NEARBY_EXECUTIONS_MAX = 400;

/** Limits of the search. */
export interface NearestPassOptions {
  /** Maximum number of executions, also of those in which `isHollow` looks; default 400. */
  readonly maxExecutions?: number;
  /** Asked before each execution; true ends the search. */
  readonly shouldStop?: () => boolean;
  /** Key of the failure; without it, executions that fail differently are not reported. */
  readonly failureKey?: string;
  /** True for a decision that must stay as it is, because another answer would explain nothing. Default: none. */
  readonly isFixed?: (decision: AskedDecision) => boolean;
  /** True for an answer that would explain nothing, and so is not tried. Default: all are tried. */
  readonly explainsNothing?: (decision: AskedDecision, answer: number) => boolean;
  /**
   * True for an execution that passes because less happens: the search goes on for a while to find another one, and
   * takes the first of these only if there is none. It may run the execution once more. Default: none.
   */
  readonly isHollow?: (answers: readonly KeyedDecision[]) => Promise<boolean>;
}

/** A nearby execution that fails differently. */
export interface OtherFailure {
  readonly decision: AskedDecision;
  readonly answer: number;
  /** The first sentence of its message. */
  readonly message: string;
}

/** An answer that differs in the passing execution. */
export interface AnswerChange {
  readonly decision: AskedDecision;
  readonly answer: number;
}

/** A passing execution. */
export interface PassingLog {
  /** The changed answers, in the order of asking. */
  readonly changes: readonly AnswerChange[];
  /** Its non-default answers. */
  readonly answers: readonly KeyedDecision[];
}

/** The result of a search. */
export interface NearestPassSearch {
  /** Absent if nothing that was tried holds. */
  readonly passing?: PassingLog;
  /** Number of executions; one that holds counts twice if it was run once more to see whether less happens in it. */
  readonly executions: number;
  /** False if the search was cut short, so an untried execution may hold, or say more than the one that was found. */
  readonly isComplete: boolean;
  /**
   * What cut the search short: `maxExecutions`, `shouldStop`, or that only `hollow` executions were found for a while,
   * which pass because less happens in them.
   */
  readonly stoppedBy?: 'executions' | 'stopped' | 'hollow';
  /** The first nearby execution that fails differently because of one decision. */
  readonly otherFailure?: OtherFailure;
  /** Number of decisions for which not all other answers were tried, because the search was cut short. */
  readonly untried: number;
  /** True if an answer was skipped because it would explain nothing (`explainsNothing`); absent otherwise. */
  readonly hasSkippedAnswers?: boolean;
}

/** A decision, with the meaning of its answers if the asker described them, and the value that it is a part of. */
export type AskedDecision = KeyedDecision &
  Pick<ObservedDecision, 'describe' | 'drawn'> &
  Partial<Pick<ObservedDecision, 'due'>>;

/** With at most this many answers, all are tried; with more, the nearest that holds is found by bisecting. */
const ALTERNATIVES_MAX = 16;
/** Maximum number of executions that are tried to find a better one than a hollow one. */
const AFTER_HOLLOW_MAX = 4;

/**
 * Tries other values for each non-default answer of `log`, the last one first; then leaves several out, as few as
 * bisecting finds; then tries other answers to questions answered by default.
 */
export async function findNearestPass(
  executor: Executor,
  log: readonly AskedDecision[],
  options: NearestPassOptions = {},
): Promise<NearestPassSearch> {
  return new Search(executor, log, options).run();
}

class Search {
  readonly #executor: Executor;
  /** Decisions that may be answered differently. */
  readonly #open: readonly AskedDecision[];
  readonly #answers: readonly AskedDecision[];
  readonly #options: NearestPassOptions;
  readonly #mustStop: () => boolean;
  #executions = 0;
  #stoppedBy: NearestPassSearch['stoppedBy'];
  #untried = 0;
  #hasSkippedAnswers = false;
  #otherFailure: OtherFailure | undefined;
  #tried: Pick<OtherFailure, 'decision' | 'answer'> | undefined;
  /** Passes, but because less happens, as far as is known: taken only if there is no better one. */
  #setAside: PassingLog | undefined;
  /** Number of executions that were tried since then. */
  #triesSinceHollow = 0;

  constructor(executor: Executor, log: readonly AskedDecision[], options: NearestPassOptions) {
    this.#executor = executor;
    const { isFixed = () => false } = options;
    this.#open = log.filter((decision) => !isFixed(decision));
    this.#answers = log.filter(({ answer }) => answer > 0);
    this.#options = options;
    this.#mustStop = stopOf(options.shouldStop);
  }

  async run(): Promise<NearestPassSearch> {
    const passing =
      (await this.#firstOf(this.#open.filter(({ answer }) => answer > 0))) ??
      (await this.#withoutLast()) ??
      (await this.#firstOf(this.#open.filter(({ answer }) => answer === 0))) ??
      this.#setAside;
    const stoppedBy = this.#stoppedBy;
    return {
      executions: this.#executions,
      isComplete: stoppedBy === undefined,
      untried: this.#untried,
      ...(stoppedBy === undefined ? {} : { stoppedBy }),
      ...(this.#otherFailure === undefined ? {} : { otherFailure: this.#otherFailure }),
      ...(this.#hasSkippedAnswers ? { hasSkippedAnswers: true } : {}),
      ...(passing === undefined ? {} : { passing }),
    };
  }

  #explainsNothing(decision: AskedDecision, answer: number): boolean {
    const says = this.#options.explainsNothing?.(decision, answer) === true;
    this.#hasSkippedAnswers ||= says;
    return says;
  }

  async #firstOf(decisions: readonly AskedDecision[]): Promise<PassingLog | undefined> {
    for (const decision of [...decisions].reverse()) {
      const answer = this.#stoppedBy === undefined ? await this.#nearestTo(decision) : undefined;
      if (answer === undefined) {
        if (this.#stoppedBy !== undefined) this.#untried += 1;
        continue;
      }
      const passing = {
        changes: [{ decision, answer }],
        answers: withAnswer(this.#answers, decision, answer),
      };
      if (!(await this.#setAsideIfHollow(passing))) return passing;
    }
    return undefined;
  }

  /** The nearest answer with which it holds, assuming that neighbouring answers have the same effect. */
  async #nearestTo(decision: AskedDecision): Promise<number | undefined> {
    const holds = async (answer: number): Promise<boolean> => {
      if (this.#explainsNothing(decision, answer)) return false;
      this.#tried = { decision, answer };
      return this.#holds(withAnswer(this.#answers, decision, answer));
    };
    const alternatives = decision.n <= DESCRIBED_MAX ? alternativesTo(decision) : [];
    if (
      decision.n <= ALTERNATIVES_MAX ||
      (decision.describe !== undefined && alternatives.length > 0 && alternatives.length < ALTERNATIVES_MAX)
    ) {
      for (const answer of alternatives) if (await holds(answer)) return answer;
      return undefined;
    }
    return this.#nearestByHalving(decision, holds);
  }

  /** Bisects between the answer and both ends, in the order of what the answers mean. */
  async #nearestByHalving(
    decision: AskedDecision,
    holdsAnswer: (answer: number) => Promise<boolean>,
  ): Promise<number | undefined> {
    const { answer, n } = decision;
    const inOrder = answersByValue(decision);
    const answerAt = (place: number): number => inOrder?.[place] ?? place;
    const holds = (place: number): Promise<boolean> => holdsAnswer(answerAt(place));
    const here = inOrder?.indexOf(answer) ?? answer;
    const near = [here - 1, here + 1].filter((other) => other >= 0 && other < n);
    // The absence of a fault says more than a lesser fault.
    const first = decision.question.kind === 'fault' ? [inOrder?.indexOf(0) ?? 0] : near;
    for (const other of new Set([...first, ...near])) {
      if (other !== here && (await holds(other))) return answerAt(other);
    }
    const ends: number[] = [];
    for (const end of new Set([0, n - 1])) {
      if (end !== here && (await holds(end))) ends.push(await this.#halve(here, end, holds));
    }
    const [nearest] = ends.sort((one, other) => Math.abs(one - here) - Math.abs(other - here));
    return nearest === undefined ? undefined : answerAt(nearest);
  }

  /**
   * Bisects between an answer that fails and one that holds: returns the answer nearest to the first that was seen to
   * hold.
   */
  async #halve(
    failing: number,
    holding: number,
    holds: (answer: number) => Promise<boolean>,
  ): Promise<number> {
    let [fails, held] = [failing, holding];
    while (Math.abs(held - fails) > 1) {
      const middle = Math.trunc((fails + held) / 2);
      if (await holds(middle)) held = middle;
      else fails = middle;
    }
    return held;
  }

  /** Bisects between the plain execution, if that holds, and the failing one. */
  async #withoutLast(): Promise<PassingLog | undefined> {
    const all = this.#open.filter((decision) => decision.answer > 0 && !this.#explainsNothing(decision, 0));
    const open = new Set(all);
    const without = (count: number): AskedDecision[] => {
      const left = new Set(all.slice(0, count));
      return this.#answers.filter((decision) => left.has(decision) || !open.has(decision));
    };
    this.#tried = undefined;
    if (all.length < 2 || !(await this.#holds(without(0)))) return undefined;
    let holding = 0;
    let failing = all.length;
    while (failing - holding > 1) {
      const middle = Math.floor((holding + failing) / 2);
      if (await this.#holds(without(middle))) holding = middle;
      else failing = middle;
    }
    const changes = all.slice(holding).map((decision) => ({ decision, answer: 0 }));
    const passing = { changes, answers: without(holding) };
    return (await this.#setAsideIfHollow(passing)) ? undefined : passing;
  }

  /** Keeps the first hollow one. One that may not be run once more is not known to be better. */
  async #setAsideIfHollow(passing: PassingLog): Promise<boolean> {
    const { isHollow } = this.#options;
    if (isHollow === undefined) return false;
    if (this.#mayExecute()) {
      this.#executions += 1;
      if (!(await isHollow(passing.answers))) return false;
    }
    this.#setAside ??= passing;
    return true;
  }

  async #holds(answers: readonly KeyedDecision[]): Promise<boolean> {
    if (this.#stoppedBy !== undefined || !this.#mayExecute()) return false;
    if (this.#setAside !== undefined) {
      if (this.#triesSinceHollow === AFTER_HOLLOW_MAX) {
        this.#stoppedBy = 'hollow';
        return false;
      }
      this.#triesSinceHollow += 1;
    }
    this.#executions += 1;
    const { held, failure } = await this.#executor.execute({ source: answersOf(answers) });
    // One that was cut off shows only that there is no more time.
    if (failure?.kind === 'interrupted') this.#stoppedBy ??= 'stopped';
    else if (failure !== undefined) this.#noteFailure(failure);
    return held;
  }

  /** False, and notes why, if no execution is left or the search has to stop. */
  #mayExecute(): boolean {
    const { maxExecutions = NEARBY_EXECUTIONS_MAX } = this.#options;
    if (this.#executions >= maxExecutions) this.#stoppedBy ??= 'executions';
    else if (this.#mustStop()) this.#stoppedBy ??= 'stopped';
    else return true;
    return false;
  }

  #noteFailure(failure: Failure): void {
    const { failureKey: key } = this.#options;
    if (key === undefined || this.#tried === undefined || failureKey(failure) === key) return;
    this.#otherFailure ??= { ...this.#tried, message: headlineOf(failure.message).headline };
  }
}

/**
 * The most telling answer first: no fault, or the first in order of creation; for others the nearest, the lesser of
 * two.
 */
function alternativesTo(decision: AskedDecision): number[] {
  const { question, n, answer } = decision;
  const { kind } = question;
  const others = Array.from({ length: n }, (_, at) => at).filter((other) => other !== answer);
  const here = answerText(decision, answer);
  const described = others.map((other) => {
    const text = answerText(decision, other);
    // The most similar text isolates what matters: an entirely different program says little.
    return { other, unlike: unlikeness(here, text), apart: numbersApart(here, text) };
  });
  const nearest = described
    .sort(
      (a, b) =>
        a.unlike - b.unlike ||
        a.apart - b.apart ||
        Math.abs(a.other - answer) - Math.abs(b.other - answer) ||
        a.other - b.other,
    )
    .map(({ other }) => other);
  // Several answers may stand for one value; the least of them is used.
  const seen = new Set([answerText(decision, answer)]);
  const byDistance = nearest.flatMap((other) => {
    const text = answerText(decision, other);
    if (text !== undefined && seen.has(text)) return [];
    seen.add(text);
    return [text === undefined ? other : leastOf(decision, other, text)];
  });
  if (kind !== 'order' && kind !== 'fault') return byDistance;
  return answer === 0 ? byDistance : [0, ...byDistance.filter((other) => other > 0)];
}

/** A number is one word, whatever its form. */
const WORD = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\p{L}\p{N}])|-?[\p{L}\p{N}]+/gu;

/** From 0 for texts with the same words to 1 for texts that share none; 0 without words to compare. */
function unlikeness(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return 0;
  const [first, second] = [one, other].map((text) => new Set(text.match(WORD))) as [Set<string>, Set<string>];
  const shared = [...first].filter((word) => second.has(word)).length;
  return 1 - shared / Math.max(1, new Set([...first, ...second]).size);
}

/** The least answer with the same text as `other`. A description that is not a pure function may have no text twice. */
function leastOf(decision: AskedDecision, other: number, text: string): number {
  for (let answer = 0; answer < other; answer += 1) if (answerText(decision, answer) === text) return answer;
  return other;
}
