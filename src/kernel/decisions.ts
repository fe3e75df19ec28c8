/**
 * Everything that could go otherwise is a call of `choose`. The list of answers is the artefact: a seed makes such a list, a
 * replay reads one, shrinking edits one. Invariant: 0 is always the plain choice (first in order, no fault, least delay).
 */
import { isInstance } from './argument-check.ts';
import { shownText } from './errors.ts';
import type { Question, Topic } from './question.ts';

/** One logged decision: out of `n` (> 1) alternatives, `answer` was taken. */
export interface Decision {
  readonly question: Question;
  readonly n: number;
  readonly answer: number;
}

/**
 * The events that are due now, the alternatives of one decision, in the order of their making. Valid only while the question is
 * being answered.
 */
export interface DueEvents {
  readonly count: number;
  /** What the `k`-th event is about, 0 ≤ k < count. */
  topicOf(k: number): Topic;
  /** The text of that. */
  textOf(k: number): string;
  /** Its number in the order of making, from 1. */
  idOf(k: number): number;
  /** Id of the event that was firing when it was made; 0 if none had fired yet. */
  causeOf(k: number): number;
  /** How many of them have an id up to that: ids grow with k, so this finds an event by its id, and what has come since. O(log n). */
  countUpTo(id: number): number;
  /** Grows when time has brought further events: those may have been made before others that were due already, and are gone. */
  readonly batch: number;
}

/**
 * Thrown by a source when it is asked for an order, or shown an event that fires: going on would show nothing new. Never thrown by
 * `decide`, since code under test would see it there.
 */
export class ExecutionAbandoned extends Error {
  override readonly name = 'ExecutionAbandoned';

  constructor(message = '') {
    super(shownText(message));
  }
}

/**
 * Thrown by `onTurn` of a simulation to end it early, because its time is up or somebody interrupts it: no failure of the scenario, and
 * not a success either.
 */
export class ExecutionInterrupted extends Error {
  override readonly name = 'ExecutionInterrupted';

  constructor(message = '') {
    super(shownText(message));
  }
}

/** Whether that ends an execution early: no failure of the code in which it is thrown, and of no use to it either. */
export function isEarlyEnd(error: unknown): boolean {
  return isInstance(error, ExecutionInterrupted) || isInstance(error, ExecutionAbandoned);
}

/**
 * What an answer stands for: of a fault or an order of things one clause that says what happens then, empty if nothing goes wrong; of a
 * delay its milliseconds; of any other choice the value. Asked only when a failure is explained, perhaps after the simulation has ended,
 * so it must depend on its arguments alone.
 */
export interface DescribeAnswer {
  (answer: number, question: Question): unknown;
  /**
   * Of a question that asks for one of several kinds of faults at once: these, for strategies that go by kind. Default: it asks for one,
   * which its topic names.
   */
  readonly faults?: readonly AskedFault[];
  /** The answer as a sentence, where the name of the question and a value make none: `the runner is made with capacity 3`. Default: those two. */
  readonly sentence?: (answer: number) => string;
  /** True for what a workload is made of before anybody calls: no call shows it. Default false. */
  readonly isSetup?: boolean;
}

/** A kind of fault that a question asks for among others. */
export interface AskedFault {
  readonly kind: string;
  /** The highest answer that stands for it. */
  readonly answer: number;
}

/** Where answers come from. Sources: `fifoDecisions`, `randomDecisions(seed)`, `replayDecisions(log)`. */
export interface DecisionSource {
  /**
   * Answers one open question with an integer in [0, n). `occurrence` counts how often the same question was asked before.
   * Keyed sources depend on (question, occurrence) only, so that dropping one event does not reshuffle all others. `describe` says what
   * each answer stands for, for sources that show it.
   */
  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number;
  /**
   * Answers which of the events that are due now fires first, for sources that look at the events; without it `decide` is asked
   * with `due.count` alternatives. The answer is logged like any other.
   */
  order?(question: Question, due: DueEvents, occurrence: number): number;
  /**
   * The last `asked` answers together made `value`, which is called `name`; for sources that show it. The value belongs to the
   * scenario that drew it and must not be changed.
   */
  drawn?(name: string, value: unknown, asked: number): void;
}

/** What parts of a simulation use to leave a choice to the exploration. */
export interface Choices {
  /**
   * An integer in [0, n). With n = 1 the choice is forced: it costs nothing and is not logged. A text asks a plain choice of that name:
   * faults and delays are asked for as such, by a `question`. `describe` is for explanations only.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if n is not an integer ≥ 1, or for what is neither a question nor a text.
   */
  choose(question: Question | string, n: number, describe?: DescribeAnswer): number;
  /** Which of the events that are due now fires first; what a clock asks. Absent: it asks `choose`. */
  order?(due: DueEvents): number;
  /** Notes that the last `asked` answers together made `value`. Absent: nobody wants to know. */
  drawn?(name: string, value: unknown, asked: number): void;
}

/** Whether a fault strikes: the highest of `oneIn` answers, 0 being that nothing goes wrong. `words` say what happens then. */
export function choosesFault(choices: Choices, topic: Topic, oneIn: number, words: () => string): boolean {
  const describe = (answer: number): string => (answer === oneIn - 1 ? words() : '');
  return choices.choose(topic.asks('fault'), oneIn, describe) === oneIn - 1;
}
