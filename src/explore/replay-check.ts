/**
 * Repeats a log that may not fit any more, and says where it first does not: it may be of another version of the code,
 * of another scenario, or too short. Invariant: up to that point the execution is the log's own; what comes after it is
 * never taken for a replay, unless the log is of an execution that was cut off: that goes on with plain answers, and
 * fits whatever it comes to.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Decision, DecisionSource } from '../kernel/decisions.ts';
import { RunnerError } from '../kernel/errors.ts';
import { fifoDecisions } from '../kernel/fifo-decisions.ts';
import type { Question } from '../kernel/question.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import type { Verdict } from '../simulation/verdict.ts';
import type { ExecutionRequest, Executor } from './executor.ts';
import { isBeginning } from './endless-log.ts';
import { withinEvents } from './event-budget.ts';
import { CUT_OFF_KEY, failureKey } from './failure-key.ts';
import { answersOf, isSameKey, keyDecisions, keyOf } from './keyed-log.ts';
import type { KeyedDecision } from './keyed-log.ts';
import { REPLAY_DIVERGED } from './replay-outcome.ts';
import type { ReplayToken } from './replay-token.ts';
import { SEED } from '../kernel/seeded-random.ts';
import { EXECUTOR, KEYED_LOG, LOG } from './argument-shapes.ts';

const GAPS = ['stop', 'plain', 'random', 'keyed'] as const;

/** A question that was asked during a replay. */
export type ReplayQuestion = Pick<KeyedDecision, 'question' | 'occurrence' | 'n'>;

/** The first point where a log does not fit. */
export interface ReplayGap {
  /** Position in the log, from 0; the length of the log if it was too short. */
  readonly index: number;
  /** The log's entry there; absent if the log has ended, or if all entries fit and only the outcome differs. */
  readonly expected?: KeyedDecision;
  /** The question asked instead; absent if the execution ended before. */
  readonly came?: ReplayQuestion;
  /** One sentence. */
  readonly text: string;
}

/** The result of a replay. */
export interface ReplayReport {
  readonly verdict: Verdict;
  /** True if every decision fitted and led to the failure for which the log is kept, if there is one. */
  readonly isReproduced: boolean;
  /**
   * False if a token was reproduced but the events differ, for example by a note that the code has gained or lost
   * since.
   */
  readonly isSameTrace: boolean;
  readonly gap?: ReplayGap;
}

/** Options of {@link checkReplay}. */
export interface ReplayCheckOptions extends Pick<ExecutionRequest, 'keepTrace' | 'capturePlaces' | 'onTurn'> {
  /**
   * What happens after the first gap: `stop` fails the question with `RUNNER_REPLAY_DIVERGED`, `plain` answers 0 from
   * there on, `random` continues with random answers, `keyed` continues with the log's answers to the same questions
   * and 0 for others. Default: `stop`.
   */
  readonly onGap?: (typeof GAPS)[number];
  /** Seed for `random`; default 1. */
  readonly seed?: string | number;
  /** Key of the failure that the log must lead to, see `failureKey`; default: anything. A token contains its own. */
  readonly failureKey?: string | undefined;
}

const REPLAY_OPTIONS = is.optionsOf<ReplayCheckOptions>(
  {},
  {
    ...is.each(['keepTrace', 'capturePlaces'], is.BOOLEAN),
    onTurn: is.FUNCTION,
    onGap: is.oneOf(...GAPS),
    seed: SEED,
    failureKey: is.TEXT,
  },
);

/**
 * Runs a token, or the whole log of an execution, on a scenario. A token with `maxEvents` ends there, unless the
 * scenario sets a bound of its own.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) for anything but an executor, a log and options.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { question } from 'dryrunner/kernel';
 * import { checkReplay, createExecutor } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'coin',
 *   description: 'never heads',
 *   run: (sim) => sim.check(sim.choose('second toss', 2) === 0, 'heads'),
 * });
 * const log = [{ question: question('choice', 'first toss'), n: 2, answer: 1 }];
 * const { gap } = await checkReplay(createExecutor(scenario), log, { onGap: 'random' });
 * if (gap?.came?.question.text !== 'second toss') throw new Error('expected to hear of it');
 * ```
 */
export async function checkReplay(
  executor: Executor,
  log: ReplayToken | readonly Decision[],
  options: ReplayCheckOptions = {},
): Promise<ReplayReport> {
  check('executor', executor, EXECUTOR);
  check('options', options, REPLAY_OPTIONS);
  const { onGap = 'stop', seed = 1, failureKey: key, ...request } = options;
  const token = tokenIn(log);
  const beyond = sourceBeyond(onGap, log, seed);
  const source = sourceOf(log, key, beyond);
  const verdict = await withinEvents(executor, token?.maxEvents).execute({ ...request, source });
  source.finish();
  const gap =
    source.gap ?? gapOfOutcome(token ?? { decisions: log as readonly Decision[], failureKey: key }, verdict);
  const isSameTrace = token === undefined || token.traceHash === verdict.traceHash;
  return { verdict, isReproduced: gap === undefined, isSameTrace, ...(gap === undefined ? {} : { gap }) };
}

function sourceBeyond(
  onGap: (typeof GAPS)[number],
  log: ReplayToken | readonly Decision[],
  seed: string | number,
): DecisionSource | undefined {
  switch (onGap) {
    case 'stop':
      return undefined;
    case 'plain':
      return fifoDecisions();
    case 'random':
      return randomDecisions(seed);
    case 'keyed':
      return answersOf(isToken(log) ? log.decisions : keyDecisions(log));
  }
}

function sourceOf(
  log: ReplayToken | readonly Decision[],
  key: string | undefined,
  beyond: DecisionSource | undefined,
): CheckedSource {
  const sparse = (entries: readonly KeyedDecision[]): CheckedSource =>
    new CheckedSource(entries, beyond, new Set(entries.map(keyOf)));
  if (isToken(log)) return sparse(log.decisions);
  // A beginning has no gap at its end.
  const isCut = key === CUT_OFF_KEY || isBeginning(log);
  return new CheckedSource(keyDecisions(log), beyond, isCut ? 'after-log' : undefined);
}

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a token or a log. */
function tokenIn(log: ReplayToken | readonly Decision[]): ReplayToken | undefined {
  check('log', log, is.readable('a replay token or a log of decisions'));
  const token = isToken(log) ? log : undefined;
  if (token === undefined) check('log', log, LOG);
  else {
    check('log.decisions', token.decisions, KEYED_LOG);
    if (token.maxEvents !== undefined) check('log.maxEvents', token.maxEvents, is.integer(1));
  }
  return token;
}

function isToken(log: ReplayToken | readonly Decision[]): log is ReplayToken {
  return !Array.isArray(log);
}

/** A source that compares the questions asked with a log. */
class CheckedSource implements DecisionSource {
  gap: ReplayGap | undefined;
  readonly #log: readonly KeyedDecision[];
  readonly #beyond: DecisionSource | undefined;
  readonly #defaults: ReadonlySet<string> | 'after-log' | undefined;
  #next = 0;

  /**
   * `defaults` says which questions get the default answer: those that are not in the set, while those in it must come
   * in the log's order; or those that come after all of the log; or none.
   */
  constructor(
    log: readonly KeyedDecision[],
    beyond: DecisionSource | undefined,
    defaults?: ReadonlySet<string> | 'after-log',
  ) {
    this.#log = log;
    this.#beyond = beyond;
    this.#defaults = defaults;
  }

  decide(question: Question, n: number, occurrence: number): number {
    if (this.gap === undefined) {
      const answer = this.#answer({ question, n, occurrence });
      if (answer !== undefined) return answer;
      this.gap = gapAt(this.#next, this.#log[this.#next], { question, n, occurrence });
    }
    if (this.#beyond !== undefined) return this.#beyond.decide(question, n, occurrence);
    throw new RunnerError(REPLAY_DIVERGED, this.gap.text, { actual: this.gap });
  }

  /** Must be called when the execution has ended. */
  finish(): void {
    const expected = this.#log[this.#next];
    if (expected !== undefined) this.gap ??= gapAt(this.#next, expected, undefined);
  }

  /** The answer of the log's next entry if that is for this question; undefined if the log does not fit. */
  #answer(question: ReplayQuestion): number | undefined {
    const entry = this.#log[this.#next];
    const isDefault =
      this.#defaults === 'after-log' ? entry === undefined : this.#defaults?.has(keyOf(question)) === false;
    if (isDefault) return 0;
    if (entry?.n !== question.n || !isSameKey(entry, question)) return undefined;
    this.#next += 1;
    return entry.answer;
  }
}

function gapAt(
  index: number,
  expected: KeyedDecision | undefined,
  came: ReplayQuestion | undefined,
): ReplayGap {
  const wanted = expected === undefined ? 'the log to go on' : questionText(expected);
  const got = came === undefined ? 'the end of the execution' : questionText(came);
  return {
    index,
    text: `decision ${index} of the log does not fit: expected ${wanted}, got ${got}`,
    ...(expected === undefined ? {} : { expected }),
    ...(came === undefined ? {} : { came }),
  };
}

function questionText({ question, occurrence, n }: ReplayQuestion): string {
  return `"${question.text}" out of ${n} (time ${occurrence + 1})`;
}

/** Known facts about the execution of a log. */
interface ExpectedOutcome extends Partial<Pick<ReplayToken, 'scenario'>> {
  readonly decisions: readonly Decision[];
  readonly failureKey: string | undefined;
}

/**
 * Compares the outcome after all decisions fitted: a token omits default answers, and code may have changed without
 * asking other questions. Events that lead to a failure are not compared: a note more or less is no reason to reject a
 * log.
 */
function gapOfOutcome(
  { decisions, failureKey: key, scenario }: ExpectedOutcome,
  verdict: Verdict,
): ReplayGap | undefined {
  const { failure } = verdict;
  const outcome = failure === undefined ? undefined : failureKey(failure);
  if (key === undefined || key === CUT_OFF_KEY || outcome === key) return undefined;
  const [name] = scenario?.split('#').slice(-1) ?? [];
  const where =
    name === undefined || name === verdict.scenario
      ? ''
      : ` (the log is of ${scenario}, this is ${verdict.scenario})`;
  const text =
    outcome === undefined
      ? `every decision fits, and nothing fails any more; the log is kept for "${key}"${where}`
      : `every decision fits, and something else fails: expected "${key}", got "${outcome}"${where}`;
  return { index: decisions.length, text };
}
