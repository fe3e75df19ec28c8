/**
 * Handles errors that come uncaught between the turns of a simulation, from a real timer or real I/O, in a process that
 * runs nothing else. Node would end the process; here they fail the simulation in which they occurred. The simulation
 * itself judges errors within its turns (`src/simulation/uncaught-errors.ts`), because elsewhere only those have a
 * known owner. Invariant: the process's listeners are restored afterwards.
 */
import process from 'node:process';
import { messageOf } from '../kernel/errors.ts';
import { ownerOfLateUse } from '../simulation/late-use.ts';
import { detailedBy, factsOf, plainFact } from '../simulation/failure-fact.ts';
import type { Failure, FailureKind, Verdict } from '../simulation/verdict.ts';

/** Taken when loaded, because fake timers may replace the global later. */
const nextTurn = setImmediate;

/**
 * Failures that are judged when a simulation ends or is given up: the uncaught error came first, and may be the reason.
 */
const JUDGED_LAST: ReadonlySet<FailureKind> = new Set([
  'deadlock',
  'stall',
  'leftovers',
  'escape',
  'budget',
  'interrupted',
]);

class StrayError extends Error {
  override readonly name = 'StrayError';

  constructor(what: string, reason: unknown) {
    const where =
      ownerOfLateUse(reason) === undefined
        ? 'in the scenario'
        : 'of code that this or an earlier execution left';
    super(`${what} ${where}: ${messageOf(reason)}`, { cause: reason });
  }
}

/**
 * Runs one simulation and resolves with its verdict. An error that is uncaught meanwhile, or in the turn of the event
 * loop after its end, is a failure of kind `error`. A failure that the simulation itself noticed while it ran stays the
 * failure, with the uncaught error in its details. An error that comes even later, for instance from a real timer,
 * fails the next simulation, because its owner cannot be known.
 *
 * `run` receives a function to call at each turn of the event loop (`onTurn` of `simulate`); it throws after an
 * uncaught error, so that the simulation does not go on without what was lost.
 */
export async function catchStrayErrors(run: (onTurn: () => void) => Promise<Verdict>): Promise<Verdict> {
  let first: StrayError | undefined;
  const onRejection = (reason: unknown): void => {
    first ??= new StrayError('unhandled rejection', reason);
  };
  const onException = (error: unknown): void => {
    first ??= new StrayError('uncaught exception', error);
  };
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  try {
    const verdict = await run(() => {
      if (first !== undefined) throw first;
    });
    // Rejections of the last promise reactions are announced only after those.
    await new Promise((resolve) => {
      nextTurn(resolve);
    });
    return first === undefined ? verdict : withStrayError(verdict, first);
  } finally {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  }
}

function withStrayError(verdict: Verdict, { message, cause }: StrayError): Verdict {
  const { failure, virtualMs } = verdict;
  // A refused call was noticed when it was made.
  const isNoticed = failure?.kind === 'escape' && failure.cause !== undefined;
  if (failure !== undefined && (isNoticed || !JUDGED_LAST.has(failure.kind))) {
    const isSame = failure.cause === cause || failure.message === message;
    if (isSame) return verdict;
    const facts = [...factsOf(failure), plainFact(message)];
    return { ...verdict, failure: { ...failure, ...detailedBy(facts) } };
  }
  const facts = failure === undefined ? [] : [plainFact(failure.message), ...factsOf(failure)];
  const stray: Failure = { kind: 'error', message, atMs: virtualMs, ...detailedBy(facts), cause };
  return { ...verdict, held: false, failure: stray };
}
