/**
 * Where the scenario waits in a standstill, or for what comes from outside, by line. Invariant: to see that costs more than the execution does, so that it is run once more
 * for it, as short as it gets; a standstill that is another one then says nothing of this one.
 */
import { ExecutionInterrupted } from '../../kernel/decisions.ts';
import { AWAITED_HERE, MADE_HERE } from '../../simulation/end-judge.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import type { Executor } from '../executor.ts';
import { failureKey } from '../failure-key.ts';
import { answersOf } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { lookingOften } from '../known-stall.ts';

/** The details that say where the scenario waits, each with its stack; none if it does not wait, or if it is asked to stop. */
export async function awaitedPlaces(
  executor: Executor,
  log: readonly KeyedDecision[],
  failure: Failure,
  shouldStop: (() => boolean) | undefined,
): Promise<readonly string[]> {
  if (!['deadlock', 'stall', 'escape'].includes(failure.kind)) return [];
  const key = failureKey(failure);
  const onTurn = (): void => {
    if (shouldStop?.() === true) throw new ExecutionInterrupted('there is no more time for it');
  };
  const request = { source: answersOf(log), captureAwaits: true };
  // What is found in brief is found at once.
  const inBrief = (): Promise<Verdict> => lookingOften(executor).execute(request);
  const inFull = (): Promise<Verdict> => executor.execute({ ...request, onTurn });
  for (const execute of failure.kind === 'stall' ? [inBrief, inFull] : [inFull]) {
    const { failure: again } = await execute();
    if (again !== undefined && failureKey(again) === key) return again.details.filter(isAboutAwait);
  }
  return [];
}

function isAboutAwait(detail: string): boolean {
  return detail.startsWith(AWAITED_HERE) || detail.startsWith(MADE_HERE);
}
