/**
 * Finds the lines where the scenario waits in a standstill, or for something outside of the simulation. Invariants:
 * watching awaits costs more than the execution, so it is run again for that, as briefly as possible; if the new run
 * fails differently, its facts are discarded.
 */
import { ExecutionInterrupted, type DecisionSource } from '../../kernel/decisions.ts';
import { type FailureFact, factsOf } from '../../simulation/failure-fact.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import type { Executor } from '../executor.ts';
import { failureKey } from '../failure-key.ts';
import { answersOf, type KeyedDecision } from '../keyed-log.ts';
import { lookingOften } from '../known-stall.ts';

/** The facts that say where the scenario waits; none if it does not wait, or once `shouldStop` returns true. */
export async function awaitedPlaces(
  executor: Executor,
  log: readonly KeyedDecision[],
  failure: Failure,
  shouldStop: () => boolean,
): Promise<readonly FailureFact[]> {
  if (failure.standstill === undefined && failure.kind !== 'escape') return [];
  const key = failureKey(failure);
  const onTurn = (): void => {
    if (shouldStop()) throw new ExecutionInterrupted('there is no more time for it');
  };
  const source = (): DecisionSource => answersOf(log);
  const isPlaced = factsOf(failure).some(({ kind }) => kind === 'outside');
  const called =
    failure.kind === 'escape' && !isPlaced ? await calledPlaces(executor, source(), key, onTurn) : [];
  const request = { source: source(), captureAwaits: true };
  // The brief run ends at the first sign of a stall, so it comes first.
  const inBrief = (): Promise<Verdict> => lookingOften(executor).execute(request);
  const inFull = (): Promise<Verdict> => executor.execute({ ...request, onTurn });
  for (const execute of failure.kind === 'stall' ? [inBrief, inFull] : [inFull]) {
    const { failure: again } = await execute();
    if (again !== undefined && failureKey(again) === key) {
      return [...called, ...factsOf(again).filter(({ kind }) => kind === 'await' || kind === 'promise')];
    }
  }
  return called;
}

/** Calls to the outside. They take an execution of their own, because reporting them prevents watching awaits. */
async function calledPlaces(
  executor: Executor,
  source: DecisionSource,
  key: string,
  onTurn: () => void,
): Promise<readonly FailureFact[]> {
  const { failure } = await executor.execute({ source, captureOutside: true, onTurn });
  if (failure === undefined || failureKey(failure) !== key) return [];
  return factsOf(failure).filter(({ kind }) => kind === 'outside');
}
