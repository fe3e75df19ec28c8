/**
 * What is known of one run from replies alone: the set of states that it may be in. Runs move by themselves between two looks, so a
 * look first lets the run move along the graph of R4 and then keeps what fits. Invariant: a belief is never empty, and what is the
 * same belief has the same key.
 */
import { canMove, isTerminal, RUN_STATES, runStateCode, type RunState } from '../../model/run-state.ts';
import type { RunID } from '../../model/run-status.ts';
import { DONE_MASK, maskForState } from '../../model/state-mask.ts';

/** A set of states, as in a `StateMask`, with one more bit: {@link GONE}. */
export type StateSet = number;

/** The run has been forgotten by its runner (R47). */
export const GONE: StateSet = 1 << RUN_STATES.length;

/** The states in which a run takes up room. */
export const HELD: StateSet = maskForState('PENDING', 'RUNNING');

/** Over, one way or another. */
export const OVER: StateSet = DONE_MASK | GONE;

/** What may be true of a run. */
export interface RunBelief {
  /** Undefined if the reply that names it was lost. */
  readonly runId: RunID | undefined;
  /** Ids that it is known not to have, sorted; only of use while it has none. */
  readonly notIds: readonly RunID[];
  readonly states: StateSet;
  /** How it ended, once that was seen; it never changes (R4). */
  readonly end: string | undefined;
  /** Equal for equal beliefs, made once because a search compares them again and again. */
  readonly key: string;
}

/** What a look has shown of a run. */
export interface RunLook {
  /** It was in one of these. */
  readonly states: StateSet;
  /** How it ended, if it was seen at its end. */
  readonly end?: string | undefined;
}

/** A run that has just been accepted; without an id if the reply was lost. */
export function acceptedRun(runId?: RunID): RunBelief {
  return makeBelief(runId, [], stateSetOf('PENDING'));
}

/** The same run, now that its id is known. */
export function withId({ states, end }: RunBelief, runId: RunID): RunBelief {
  return makeBelief(runId, [], states, end);
}

/** The same run, which is not the one of that id. */
export function withoutId(belief: RunBelief, runId: RunID): RunBelief {
  if (belief.runId !== undefined || belief.notIds.includes(runId)) return belief;
  return makeBelief(undefined, [...belief.notIds, runId].sort(), belief.states, belief.end);
}

/** The set of one state. */
export function stateSetOf(state: RunState): StateSet {
  return 1 << runStateCode(state);
}

/** Where a run can be now that may have been in these states: it may have moved, and been forgotten once it was over. */
function afterMoves(states: StateSet, mayEvict: boolean): StateSet {
  let reached = states;
  for (const from of RUN_STATES) {
    if ((states & stateSetOf(from)) === 0) continue;
    for (const to of RUN_STATES) if (canMove(from, to)) reached |= stateSetOf(to);
  }
  return mayEvict && (reached & DONE_MASK) !== 0 ? reached | GONE : reached;
}

/** The belief after a look, or undefined if what it has shown cannot be. */
export function look(belief: RunBelief, { states, end }: RunLook, mayEvict: boolean): RunBelief | undefined {
  const left = afterMoves(belief.states, mayEvict) & states;
  if (left === 0 || (end !== undefined && belief.end !== undefined && end !== belief.end)) return undefined;
  return makeBelief(belief.runId, belief.notIds, left, end ?? belief.end);
}

/** The end that a status shows, undefined if the run had not ended. */
export function endOf(state: RunState, exitCode: number, error: string): string | undefined {
  return isTerminal(state) ? `${exitCode} ${error}` : undefined;
}

function makeBelief(
  runId: RunID | undefined,
  notIds: readonly RunID[],
  states: StateSet,
  end?: string,
): RunBelief {
  return { runId, notIds, states, end, key: JSON.stringify([runId ?? notIds, states, end]) };
}
