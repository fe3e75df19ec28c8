/**
 * Everything that could happen differently is a call of `choose`. The list of answers is the central artefact: a seed
 * generates it, a replay reads it, shrinking edits it. Invariant: 0 is always the plain choice (first in order, no
 * fault, least delay).
 */
import { isInstance } from './argument-check.ts';
import { isRunnerError, shownText } from './errors.ts';
import type { Question, Topic } from './question.ts';

/** A logged decision: `answer` was chosen from `n` (> 1) alternatives. */
export interface Decision {
  readonly question: Question;
  readonly n: number;
  readonly answer: number;
}

/**
 * The events that are due now, as the alternatives of one decision, in creation order. Valid only while the question is
 * being answered.
 */
export interface DueEvents {
  readonly count: number;
  /** Topic of the `k`-th event, 0 ≤ k < count. */
  topicOf(k: number): Topic;
  /** Text of that topic. */
  textOf(k: number): string;
  /** Id of the `k`-th event: its number in creation order, from 1. */
  idOf(k: number): number;
  /** Id of the event that was firing when the `k`-th was created; 0 if none had fired yet. */
  causeOf(k: number): number;
  /** An error that was made where the `k`-th was created; undefined unless places are captured. */
  placeOf(k: number): Error | undefined;
  /**
   * Number of these events with an id up to `id`. Ids grow with k, so this finds an event by its id, and the events
   * that were added since. O(log n).
   */
  countUpTo(id: number): number;
  /**
   * Grows when time advances and adds further events; those may have smaller ids than events that were due already and
   * have fired.
   */
  readonly batch: number;
}

/**
 * Thrown by a source when it is asked for an order, or shown an event that fires, if continuing would show nothing new.
 * `decide` never throws it, since code under test would see it there.
 */
export class ExecutionAbandoned extends Error {
  override readonly name = 'ExecutionAbandoned';

  constructor(message = '') {
    super(shownText(message));
  }
}

/**
 * Thrown by `onTurn` of a simulation to end it early, because its time is up or a user interrupts it: neither a failure
 * of the scenario nor a success.
 */
export class ExecutionInterrupted extends Error {
  override readonly name = 'ExecutionInterrupted';

  constructor(message = '') {
    super(shownText(message));
  }
}

/**
 * True for errors that end an execution early. Such an error is not a failure of the code in which it is thrown, and
 * that code cannot handle it.
 */
export function isEarlyEnd(error: unknown): boolean {
  return isInstance(error, ExecutionInterrupted) || isInstance(error, ExecutionAbandoned);
}

/** True for errors that end the execution; code must not swallow them. */
export function isEndOfExecution(error: unknown): boolean {
  return isEarlyEnd(error) || isRunnerError(error, 'RUNNER_REPLAY_DIVERGED');
}

/**
 * Describes what an answer stands for. For a fault or an order, the text is one clause that says what happens, empty if
 * nothing goes wrong; for a delay its milliseconds; for any other choice the value. Called only when a failure is
 * explained, perhaps after the simulation has ended, so the result must depend on the arguments alone.
 */
export interface DescribeAnswer {
  (answer: number, question: Question): unknown;
  /**
   * For a question about several kinds of faults: these kinds, for strategies that treat kinds differently. Default:
   * the question is about one kind, which its topic names.
   */
  readonly faults?: readonly AskedFault[];
  /**
   * The answer as a sentence, if the name of the question and the value do not make one:
   * `the runner is made with capacity 3`. Default: name and value.
   */
  readonly sentence?: (answer: number) => string;
  /** True for properties of a workload that are chosen before any call: no call shows them. Default false. */
  readonly isSetup?: boolean;
}

/** One of the kinds of faults that a question is about. */
export interface AskedFault {
  readonly kind: string;
  /** The highest answer that stands for this kind. */
  readonly answer: number;
}

/** A source of answers. Sources: `fifoDecisions`, `randomDecisions(seed)`, `replayDecisions(log)`. */
export interface DecisionSource {
  /**
   * Answers one open question with an integer in [0, n). `occurrence` is how often the same question was asked before.
   * Keyed sources depend on (question, occurrence) only, so that removing one event does not change the answers of
   * others. `describe` says what each answer stands for, for sources that show it.
   */
  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number;
  /**
   * Answers which of the events due now fires first, for sources that inspect the events; if absent, `decide` is asked
   * with `due.count` alternatives. The answer is logged like any other.
   */
  order?(question: Question, due: DueEvents, occurrence: number): number;
  /**
   * Reports that the last `asked` answers together made `value`, named `name`; for sources that show it. The value
   * belongs to the scenario that drew it and must not be changed.
   */
  drawn?(name: string, value: unknown, asked: number): void;
}

/** Lets parts of a simulation leave a choice to the exploration. */
export interface Choices {
  /**
   * An integer in [0, n). With n = 1 the choice is forced: it costs nothing and is not logged. A text asks a plain
   * choice of that name; to ask for a fault or a delay, pass a `question`. `describe` is for explanations only.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if n is not an integer ≥ 1, or for anything but a question or a text.
   */
  choose(question: Question | string, n: number, describe?: DescribeAnswer): number;
  /** Decides which of the events due now fires first; clocks call this. If absent, clocks ask `choose`. */
  order?(due: DueEvents): number;
  /** Notes that the last `asked` answers together made `value`. Absent if nothing uses it. */
  drawn?(name: string, value: unknown, asked: number): void;
}

/** True if a fault strikes: the highest of `oneIn` answers, where 0 is no fault. `words` returns what happens then. */
export function choosesFault(choices: Choices, topic: Topic, oneIn: number, words: () => string): boolean {
  const describe = (answer: number): string => (answer === oneIn - 1 ? words() : '');
  return choices.choose(topic.asks('fault'), oneIn, describe) === oneIn - 1;
}
