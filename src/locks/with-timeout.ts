/**
 * Runs a task with a time limit. Invariant: whichever loses the race leaves nothing behind: the timer is cleared when
 * the task ends; on a timeout the task's signal aborts, and whatever the task settles with later is dropped, value or
 * error.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import { topicOf } from '../kernel/question.ts';
import { CallbackWaiter } from '../kernel/signal-waiters.ts';
import { isPending } from '../model/maybe-promise.ts';
import { WORLD_OF_TIME, type World } from '../model/world.ts';
import { NAME } from './noted-wait.ts';

/** Options of {@link withTimeout}. */
export interface TimeoutOptions<T> {
  /** Name of the task, for the error and for reports, such as `commit`. Default: `task`. */
  readonly label?: string;
  /**
   * Cancels the task: when it aborts, the task's signal aborts with the same reason, and the promise rejects with it.
   */
  readonly signal?: AbortSignal;
  /**
   * Gets a value that arrives too late, such as a lock to release. If it throws or rejects, the error is thrown in an
   * event of the clock and so fails the node that it belongs to, or the simulation.
   */
  readonly onLate?: (value: T) => void;
}

const TIMEOUT_OPTIONS = is.optionsOf<TimeoutOptions<unknown>>(
  {},
  { label: NAME, signal: is.ABORT_SIGNAL, onLate: is.FUNCTION },
);

/**
 * Runs `task` for at most `ms` milliseconds on the clock of `world`; a result at that very instant still counts.
 *
 * @throws RunnerError (as a rejection) `RUNNER_TIMED_OUT` on timeout, which is also the reason of the task's signal;
 * `RUNNER_INVALID_ARGUMENT` unless `ms` is finite and ≥ 0 and `task` is a function. Errors of the task are passed on.
 * @example
 * ```ts
 * import { createMutex, withTimeout } from 'dryrunner/cluster';
 * import { isRunnerError, simulate } from 'dryrunner';
 * const { held } = await simulate({
 *   async scenario(sim) {
 *     const jobs = createMutex(sim.world, { name: 'jobs' });
 *     const hold = await jobs.acquire({ owner: 'a' });
 *     try {
 *       await withTimeout(sim.world, 50, (signal) => jobs.acquire({ owner: 'b', signal }), { label: 'acquire' });
 *     } catch (error) {
 *       sim.check(isRunnerError(error, 'RUNNER_TIMED_OUT'), 'b gives up');
 *     }
 *     hold.release();
 *   },
 * });
 * console.log(held); // true
 * ```
 */
export async function withTimeout<T>(
  world: Pick<World, 'clock'>,
  ms: number,
  task: (signal: AbortSignal) => Promise<T> | T,
  options: TimeoutOptions<T> = {},
): Promise<T> {
  check('world', world, WORLD_OF_TIME);
  check('ms', ms, is.DURATION_MS);
  check('task', task, is.FUNCTION);
  check('options', options, TIMEOUT_OPTIONS);
  const { label = 'task', signal, onLate } = options;
  if (signal?.aborted === true) throw signal.reason;
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    let isOver = false;
    const end = (settle: () => void): void => {
      isOver = true;
      waiter.leaveLimits();
      settle();
    };
    const giveUp = (reason: unknown): void =>
      end(() => {
        controller.abort(reason);
        reject(reason);
      });
    const waiter = new CallbackWaiter(giveUp);
    const timer = world.clock.endOfInstant(topicOf({ owner: label, what: 'timeout' }), ms, () =>
      giveUp(new RunnerError('RUNNER_TIMED_OUT', `${label} was not done within ${ms} ms`)),
    );
    waiter.limitBy(timer, signal);
    runTask(task, controller.signal).then(
      (value) => {
        if (isOver) takeLate(world, label, value, onLate);
        else end(() => resolve(value));
      },
      (error: unknown) => {
        if (!isOver) end(() => reject(error));
      },
    );
  });
}

/** Handles a result that nobody waits for; an error of `onLate` is thrown in an event of its own. */
function takeLate<T>(
  { clock }: Pick<World, 'clock'>,
  label: string,
  value: T,
  onLate: ((value: T) => unknown) | undefined,
): void {
  const fail = (error: unknown): void =>
    void clock.post(topicOf({ owner: label, what: 'onLate' }), () => {
      throw error;
    });
  try {
    const result = onLate?.(value);
    if (isPending(result)) result.then(undefined, fail);
  } catch (error) {
    fail(error);
  }
}

/** Turns a synchronous throw into a rejection. */
async function runTask<T>(task: (signal: AbortSignal) => Promise<T> | T, signal: AbortSignal): Promise<T> {
  return task(signal);
}
