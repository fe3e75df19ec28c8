/**
 * Runs a known stall again, looking for it more often. Invariant: a stall found this way is a guess, because slow
 * executions may be mistaken for stalls; report it only after running it again with the usual interval.
 */
import { STALL_LOOK_EVERY_KNOWN } from '../simulation/stall-watch.ts';
import { executorWith, type Executor } from './executor.ts';

/** An executor that finds a stall in a twentieth of the usual number of events. */
export function lookingOften(executor: Executor): Executor {
  return executorWith(executor, { stallLookEvery: STALL_LOOK_EVERY_KNOWN });
}

/** What shows failures of this key in fewer events; the executor itself if nothing does. */
export function briefly(executor: Executor, key: string): Executor {
  return key.startsWith('stall ') ? lookingOften(executor) : executor;
}
