/**
 * Waits for statuses by polling, for services that only know the current ones, such as a remote runner (R154–R159). A
 * state that appears and disappears between two polls is missed.
 */
import * as is from '../../kernel/shape.ts';
import { CallbackWaiter } from '../../kernel/signal-waiters.ts';
import type { Clock } from '../../kernel/clock.ts';
import { timeLeftMs } from '../../kernel/delay.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { topicOf, type Topic } from '../../kernel/question.ts';
import { type Query, type Wait, querySubject, checkQuery, copyQuery, checkWait } from '../../model/query.ts';
import { isTerminal } from '../../model/run-state.ts';
import { ALL_MASK, DONE_MASK, maskMatches, type StateMask } from '../../model/state-mask.ts';
import { cannotHappen, unknownRun, waitCancelled } from '../../model/status-errors.ts';
import type { QueryResult, StatusQueryNower, StatusQuerier } from '../../model/status-reader.ts';
import { type World, WORLD_OF_TIME } from '../../model/world.ts';
import { check } from '../../kernel/argument-check.ts';

/** The longest pause (R154). */
const MAX_PERIOD_MS = 10_000;

/** The parts of a poller that its waits use. */
export interface PollingParent extends StatusQueryNower {
  readonly name: string;
  /** The first pause in milliseconds, at most {@link MAX_PERIOD_MS}. */
  readonly periodMs: number;
  /** True once nothing can change any more. */
  readonly released: boolean;
  /** Functions that end the current pauses. */
  readonly pauses: Set<() => void>;
}

/**
 * One wait of a poller: it polls, compares, pauses, and repeats. Invariant: at any time it is either polling or
 * pausing; a pause has exactly one timer and is in the poller's set of pauses, and both are gone when it ends.
 */
class PollingWait {
  readonly #clock: Clock;
  readonly #parent: PollingParent;
  readonly #query: Query;
  readonly #wait: Wait;
  /** Listed ids without duplicates. */
  readonly #listed: ReadonlySet<string>;
  /** False if the first poll is the only one: no time to wait (R30, R155), or nothing to wait for (R28). */
  readonly #mayWait: boolean;
  #topic: Topic | undefined;

  constructor(clock: Clock, parent: PollingParent, query: Query, wait: Wait) {
    this.#clock = clock;
    this.#parent = parent;
    this.#query = query;
    this.#wait = wait;
    this.#listed = new Set(query.runs);
    this.#mayWait = wait.timeoutMs > 0 && (query.allRuns === true || this.#listed.size > 0);
  }

  /** Polls until there is an outcome. */
  async result(): Promise<QueryResult> {
    const startMs = this.#clock.now();
    let periodMs = this.#parent.periodMs;
    let isLast = false;
    let answer = await this.#poll(this.#firstMask());
    this.#refuseUnknown(answer);
    for (;;) {
      const statuses = answer.statuses.filter(({ state }) => maskMatches(this.#query.states, state));
      if (statuses.length > 0 || !this.#mayWait) return { statuses, service: answer.service };
      if (this.#isHopeless(answer)) throw cannotHappen(this.#query);
      if (this.#wait.signal?.aborted === true) throw waitCancelled(this.#wait.signal.reason);
      const leftMs = timeLeftMs(this.#wait.timeoutMs, startMs, this.#clock.now());
      // A release may have cut the last pause short; then the deadline is still ahead.
      if (leftMs > 0 && this.#parent.released) throw releasedWhileWaiting();
      if (isLast || leftMs <= 0) return { statuses, service: answer.service };
      isLast = leftMs <= periodMs;
      await this.#pause(isLast ? leftMs : periodMs, isLast);
      periodMs = Math.min(periodMs * 2, MAX_PERIOD_MS);
      answer = await this.#poll(this.#laterMask());
    }
  }

  /**
   * The first poll asks for every state of listed runs, so that a run missing in the answer is known to be unknown
   * (R26, D2).
   */
  #firstMask(): StateMask {
    return this.#query.allRuns === true ? this.#query.states : ALL_MASK;
  }

  /** Terminal states show whether a wait on listed runs can still be fulfilled (R36); a wait on all runs always can. */
  #laterMask(): StateMask {
    const { allRuns, states } = this.#query;
    return allRuns === true ? states : ((states | DONE_MASK) as StateMask);
  }

  #refuseUnknown({ statuses }: QueryResult): void {
    if (this.#query.allRuns === true) return;
    const known = new Set(statuses.map(({ runId }) => runId));
    for (const runId of this.#listed) if (!known.has(runId)) throw unknownRun(runId);
  }

  #isHopeless({ statuses }: QueryResult): boolean {
    if (this.#query.allRuns === true) return false;
    const ended = new Set(statuses.flatMap(({ runId, state }) => (isTerminal(state) ? [runId] : [])));
    return ended.size === this.#listed.size;
  }

  /**
   * Polls once. A cancelled wait still accepts the answer until the end of the instant, because a match that is there
   * takes precedence (R29, R35).
   */
  #poll(states: StateMask): Promise<QueryResult> {
    const asked = this.#parent.queryNow({ ...this.#query, states });
    const { signal } = this.#wait;
    if (signal === undefined || !this.#mayWait) return asked;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(waitCancelled(signal.reason));
      const waiter = new CallbackWaiter(() =>
        waiter.retime(this.#clock.endOfInstant(this.#timerTopic(), 0, giveUp)),
      );
      if (signal.aborted) waiter.cancelRequested();
      else waiter.limitBy(undefined, signal);
      asked.finally(() => waiter.leaveLimits()).then(resolve, reject);
    });
  }

  /**
   * Ends after `ms`, when it is ended from outside, or at the end of the instant of a cancel; the last pause ends after
   * everything else in its instant (R35).
   */
  #pause(ms: number, isLast: boolean): Promise<void> {
    const { signal } = this.#wait;
    const topic = this.#timerTopic();
    return new Promise((resolve) => {
      const end = (): void => {
        waiter.leaveLimits();
        this.#parent.pauses.delete(end);
        resolve();
      };
      const waiter = new CallbackWaiter(() => waiter.retime(this.#clock.endOfInstant(topic, 0, end)));
      const timer = isLast ? this.#clock.endOfInstant(topic, ms, end) : this.#clock.timer(topic, ms, end);
      waiter.limitBy(timer, signal);
      this.#parent.pauses.add(end);
    });
  }

  #timerTopic(): Topic {
    return (this.#topic ??= topicOf({
      owner: this.#parent.name,
      what: 'poll',
      subject: querySubject(this.#query),
    }));
  }
}

function releasedWhileWaiting(): RunnerError {
  return new RunnerError('RUNNER_RELEASED', 'the runner was released; what the wait is for cannot come');
}

/** The resolution of the clock; a shorter period would be 0. */
const MIN_PERIOD_MS = 0.001;

/** Options of {@link createPollingQuerier}. */
export interface PollingOptions {
  /** The first pause between two polls in milliseconds; it doubles each time, up to 10 s (R154). */
  readonly periodMs: number;
  /** Name of the poller in the labels of its timers; default `polling`. */
  readonly name?: string;
}

const NOWER = is.withMethods('queryNow');
const POLLING_OPTIONS = is.optionsOf<PollingOptions>(
  { periodMs: is.finite(MIN_PERIOD_MS, undefined, ' of milliseconds') },
  { name: is.TEXT },
);

/** A querier that polls, and can be ended once nothing will change any more. */
export interface PollingQuerier extends StatusQuerier {
  /**
   * Call this when the runner behind it was released: each wait polls once more at once, and ends with the result, or
   * with `RUNNER_RELEASED`. Later calls do so after their first poll. No timer is left.
   */
  release(): void;
}

/**
 * Creates a querier from a `queryNow` (R154). A wait polls at once, then after `periodMs`, twice that, and so on up to
 * 10 s, and exactly at its deadline (R156); the first matches or the first error end it. A poll in flight at the
 * deadline is the last one and is awaited. A cancelled wait ends in the same instant, with `RUNNER_WAIT_CANCELLED`
 * unless a last poll answers in that instant with a match (R34, R35).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `periodMs` is finite and at least a microsecond (R158).
 * @example
 * ```ts
 * import { createPollingQuerier, finalStatus, type StatusQueryNower, type World } from 'dryrunner';
 * async function exitCode(world: World, remote: StatusQueryNower, runId: string): Promise<number> {
 *   const querier = createPollingQuerier(world, remote, { periodMs: 50 });
 *   return (await finalStatus(querier, runId)).status.exitCode;
 * }
 * ```
 */
export function createPollingQuerier(
  world: Pick<World, 'clock'>,
  nower: StatusQueryNower,
  options: PollingOptions,
): PollingQuerier {
  check('world', world, WORLD_OF_TIME);
  check('nower', nower, NOWER);
  check('options', options, POLLING_OPTIONS);
  return new Poller(world.clock, nower, options);
}

class Poller implements PollingQuerier, PollingParent {
  readonly name: string;
  readonly periodMs: number;
  readonly pauses: Set<() => void> = new Set();
  released = false;
  readonly #clock: Clock;
  readonly #nower: StatusQueryNower;

  constructor(clock: Clock, nower: StatusQueryNower, { periodMs, name = 'polling' }: PollingOptions) {
    this.#clock = clock;
    this.#nower = nower;
    this.periodMs = Math.min(periodMs, MAX_PERIOD_MS);
    this.name = name;
  }

  async query(query: Query, wait: Wait): Promise<QueryResult> {
    checkQuery(query);
    checkWait(wait);
    return new PollingWait(this.#clock, this, copyQuery(query), { ...wait }).result();
  }

  queryNow(query: Query): Promise<QueryResult> {
    return this.#nower.queryNow(query);
  }

  release(): void {
    this.released = true;
    for (const end of this.pauses) end();
  }
}
