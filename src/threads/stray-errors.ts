/**
 * What comes uncaught between the turns of a simulation, in a process that runs nothing else: out of a real timer or real I/O. Node ends
 * the process for it; here it becomes the failure of the simulation in which it came. What comes in its turns a simulation judges itself
 * (`src/simulation/uncaught-errors.ts`), since anywhere else that is all whose owner is known. Invariant: afterwards the process listens as it did before.
 */
import process from 'node:process';
import { messageOf } from '../kernel/errors.ts';
import { detailedBy, factsOf, plainFact } from '../simulation/failure-fact.ts';
import type { Failure, FailureKind, Verdict } from '../simulation/verdict.ts';

/** Taken when loaded, since fake timers may stand in the globals later. */
const nextTurn = setImmediate;

/** Judged when a simulation ends or is given up, so that what was uncaught came first, and may be why. */
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
    super(`${what} in the scenario: ${messageOf(reason)}`, { cause: reason });
  }
}

/**
 * Runs one simulation and gives its verdict; what it leaves uncaught meanwhile, or in the turn of the event loop after its end, is a
 * failure of kind `error`. A failure that the simulation noticed itself while it ran stays the failure, and has the other among
 * its details. What comes later still, from a
 * real timer for one, meets the next simulation: its owner cannot be known.
 *
 * `run` gets a function to call at each turn of the event loop (`onTurn` of `simulate`), which ends a simulation that would otherwise
 * go on without what was lost.
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
    // Rejections of the last promise reactions are announced after them.
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
  // A call that was refused was noticed while it was made.
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
