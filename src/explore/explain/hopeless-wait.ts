/**
 * Finds where the wait began that could not be met any more (R36). The store that ended it threw the error, which no
 * line of the user leads to.
 */
import { isRunnerError } from '../../kernel/errors.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { HeldResources } from './held-resources.ts';
import type { ObservedRun, ObservedStep } from './observed-run.ts';

/** The beginning of a wait on a store. */
interface HopelessWait {
  /** What it waits for, such as `run 3 of worker`. */
  readonly target: string;
  readonly step: ObservedStep;
}

/**
 * The wait that failed with `cause`; undefined if that says something else, or if the wait is not in the trace. Of
 * several that one write ended, the first: a store ends them in that order.
 */
export function hopelessWaitOf(
  { steps }: Pick<ObservedRun, 'steps'>,
  { begins }: Pick<HeldResources, 'begins'>,
  cause: unknown,
): HopelessWait | undefined {
  if (!isRunnerError(cause, 'RUNNER_CANNOT_HAPPEN')) return undefined;
  const ends = steps.filter(({ done }) => 'type' in done && isEndOf(done, cause));
  const last = ends.at(-1);
  const first = ends.find(({ firingId }) => firingId === last?.firingId)?.done;
  const begin = first !== undefined && 'type' in first ? begins.get(first) : undefined;
  const step = steps.find(({ done }) => done === begin);
  if (begin?.type !== 'acquired' || step === undefined) return undefined;
  const { runId, runner } = begin;
  return { target: `${runId === '' ? 'several runs' : `run ${runId}`} of ${runner}`, step };
}

/** True for the end of a wait for the states that `cause` names, on the run that it names or on several. */
function isEndOf(
  event: TraceEvent,
  { message, expected }: { message: string; expected?: string | undefined },
): boolean {
  if (event.type !== 'freed' || event.resource !== 'waiter' || event.owner !== undefined) return false;
  const isOfRun =
    event.runId === '' ? message.includes(': all ') : message.includes(`: run ${event.runId} is `);
  return isOfRun && event.name.endsWith(`for ${expected}`);
}
