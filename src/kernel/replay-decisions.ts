/**
 * Sources that read a log. The strict one is positional and fails at the first question that does not match, and from
 * then on; the keyed one finds answers by question and occurrence, for logs that are being shrunk. Invariant: neither
 * ever answers outside [0, n).
 */
import * as is from './shape.ts';
import { check } from './argument-check.ts';
import type { Decision, DecisionSource } from './decisions.ts';
import { RunnerError, describeValue, invalidArgument } from './errors.ts';
import { Question } from './question.ts';

/** Where a replay diverges from its log; the `actual` of the error `RUNNER_REPLAY_DIVERGED`. */
export interface ReplayMismatch {
  /** Position in the log, from 0. */
  readonly index: number;
  /** The entry there; `undefined` if the log has ended. */
  readonly expected: Decision | undefined;
  /** The question that was asked; `undefined` if the run ended before the log. */
  readonly got: Pick<Decision, 'question' | 'n'> | undefined;
}

/** A strict replay; create one with {@link replayDecisions}. */
export class ReplaySource implements DecisionSource {
  private readonly log: readonly Decision[];
  private next = 0;
  /** Kept, because the code that asked may swallow it: an answer after the gap would belong to another question. */
  private error: RunnerError | undefined;

  constructor(log: readonly Decision[]) {
    this.log = log;
  }

  /** @throws RunnerError `RUNNER_REPLAY_DIVERGED` from the first question other than the log's next entry on. */
  decide(question: Question, n: number): number {
    if (this.error !== undefined) throw this.error;
    const entry = this.log[this.next];
    if (entry?.question.key !== question.key || entry.n !== n) {
      this.error = diverged({ index: this.next, expected: entry, got: { question, n } });
      throw this.error;
    }
    this.next += 1;
    return entry.answer;
  }

  /**
   * Call this when the run has ended.
   *
   * @throws RunnerError `RUNNER_REPLAY_DIVERGED` if a question did not fit, or entries are left over.
   */
  finish(): void {
    if (this.error !== undefined) throw this.error;
    const entry = this.log[this.next];
    if (entry === undefined) return;
    throw diverged({ index: this.next, expected: entry, got: undefined }, this.log.length);
  }
}

class KeyedReplaySource implements DecisionSource {
  private readonly answers = new Map<string, number[]>();

  constructor(log: readonly Decision[]) {
    for (const { question, answer } of log) {
      const known = this.answers.get(question.key);
      if (known === undefined) this.answers.set(question.key, [answer]);
      else known.push(answer);
    }
  }

  decide({ key }: Question, n: number, occurrence: number): number {
    const answer = this.answers.get(key)?.[occurrence] ?? 0;
    return answer < n ? answer : 0;
  }
}

function diverged(mismatch: ReplayMismatch, length?: number): RunnerError {
  const { index, expected, got } = mismatch;
  const wanted = expected === undefined ? 'no more decisions' : describeQuestion(expected);
  const left = length === undefined ? '' : ` (${length - index} entries are left over)`;
  const came = got === undefined ? `the end of the run${left}` : describeQuestion(got);
  const message = `Replay diverged at decision ${index}: expected ${wanted}, got ${came}`;
  return new RunnerError('RUNNER_REPLAY_DIVERGED', message, { expected: wanted, actual: mismatch });
}

function describeQuestion({ question, n }: Pick<Decision, 'question' | 'n'>): string {
  return `${describeValue(question.text)} out of ${n}`;
}

const LOG = is.listOf(
  is.objectOf<Decision>(
    'a decision',
    {
      question: is.instanceOf('a question', Question),
      n: is.integer(2),
      answer: is.ANY,
    },
    {},
  ),
  'an array of decisions',
);

function checkLog(log: readonly Decision[]): void {
  check('log', log, LOG);
  for (const [index, { n, answer }] of log.entries()) {
    if (Number.isInteger(answer) && answer >= 0 && answer < n) continue;
    throw invalidArgument(`log[${index}].answer`, `an integer in [0, ${n})`, answer);
  }
}

/**
 * A source that replays `log` and throws at the first question that does not match it, and at all later ones. `finish`
 * throws unless all questions matched and all entries were used.
 *
 * @example
 * ```ts
 * import { createDecisions, question, replayDecisions } from 'dryrunner/kernel';
 * const source = replayDecisions([{ question: question('choice', 'which'), n: 3, answer: 2 }]);
 * if (createDecisions(source).choose('which', 3) !== 2) throw new Error('the log decides');
 * source.finish();
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the log holds something that is not a decision.
 */
export function replayDecisions(log: readonly Decision[]): ReplaySource {
  checkLog(log);
  return new ReplaySource(log);
}

/**
 * A source that answers from `log` by (question, occurrence). An entry that is missing, or is not less than `n`, gives
 * 0, the plain choice: a log with entries removed still steers the rest.
 *
 * @example
 * ```ts
 * import { createDecisions, keyedReplayDecisions, question } from 'dryrunner/kernel';
 * const log = [{ question: question('choice', 'b'), n: 3, answer: 2 }];
 * const decisions = createDecisions(keyedReplayDecisions(log));
 * if (decisions.choose('a', 3) + decisions.choose('b', 3) !== 2) throw new Error('what is missing is 0');
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the log holds something that is not a decision.
 */
export function keyedReplayDecisions(log: readonly Decision[]): DecisionSource {
  checkLog(log);
  return new KeyedReplaySource(log);
}
