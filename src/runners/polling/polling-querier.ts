/**
 * Waits for statuses over something that can only tell the current ones, such as a remote runner, by asking again and again
 * (R154–R159). A state that came and went between two polls is missed.
 */
import { checkMethods, checkOptions } from '../../kernel/argument-check.ts';
import type { Clock } from '../../kernel/clock.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { checkQuery, copyQuery, type Query, type Wait } from '../../model/query.ts';
import type { QueryResult, StatusQuerier, StatusQueryNower } from '../../model/status-reader.ts';
import { checkWait } from '../../model/wait.ts';
import { checkWorld, type World } from '../../model/world.ts';
import { MAX_PERIOD_MS, PollingWait } from './polling-wait.ts';
import type { PollingParent } from './polling-wait.ts';

/** The clock has no finer times; a shorter period would be none. */
const MIN_PERIOD_MS = 0.001;

/** How a poller asks. */
export interface PollingOptions {
  /** The first pause between two polls; it doubles each time, up to 10 s (R154). */
  readonly periodMs: number;
  /** Names the poller in the labels of its timers; `polling` by default. */
  readonly name?: string;
}

/** A querier that polls, and can be told that nothing will change any more. */
export interface PollingQuerier extends StatusQuerier {
  /**
   * Says that the runner behind was released: each wait polls once more, now, and ends with what it finds, or with
   * `RUNNER_RELEASED`. Later calls do so after their first poll. No timer is left.
   */
  release(): void;
}

/**
 * Makes a querier out of a `queryNow` (R154). A wait polls at once, then after `periodMs`, twice that, and so on up to 10 s, and
 * exactly at its deadline (R156); the first matches or the first error end it. A poll that is under way at the deadline is the last
 * one and is waited for. A cancelled wait ends in the same instant, with `RUNNER_WAIT_CANCELLED` unless a last poll, if it answers
 * in that instant, finds a match (R34, R35).
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
  checkWorld(world, ['clock']);
  checkMethods('nower', nower, ['queryNow']);
  checkOptions(options);
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
    if (!(typeof periodMs === 'number' && periodMs >= MIN_PERIOD_MS && periodMs < Infinity)) {
      throw invalidArgument('periodMs', `a finite number of milliseconds ≥ ${MIN_PERIOD_MS}`, periodMs);
    }
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
