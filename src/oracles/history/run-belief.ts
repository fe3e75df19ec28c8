/**
 * What replies alone show of one run: the set of states that it may be in. Runs change between two looks, so a look
 * first lets the run move along the graph of R4 and then keeps the states that fit. Invariant: a belief is never empty,
 * and equal beliefs have equal keys.
 */
import { canMove, isTerminal, RUN_STATES, runStateCode, type RunState } from '../../model/run-state.ts';
import type { RunID } from '../../model/run-status.ts';
import { DONE_MASK, maskForState } from '../../model/state-mask.ts';

/** A set of states, like a `StateMask`, with one more bit: {@link GONE}. */
export type StateSet = number;

/** The run has been forgotten by its runner (R47). */
export const GONE: StateSet = 1 << RUN_STATES.length;

/** The states in which a run takes up room. */
export const HELD: StateSet = maskForState('PENDING', 'RUNNING');

/** The states in which a run is over, including {@link GONE}. */
export const OVER: StateSet = DONE_MASK | GONE;

/** What is known of a run. */
export interface RunBelief {
  /** Undefined if the reply that names it was lost. */
  readonly runId: RunID | undefined;
  /** Ids that the run is known not to have, sorted; only used while its id is unknown. */
  readonly notIds: readonly RunID[];
  readonly states: StateSet;
  /** Its exit code and error, once its end was seen; they never change (R4). */
  readonly end: string | undefined;
  /** Equal for equal beliefs. Computed once, because a search compares beliefs again and again. */
  readonly key: string;
}

/** What a look showed of a run. */
export interface RunLook {
  /** The run was in one of these states. */
  readonly states: StateSet;
  /** Its exit code and error, if it was over. */
  readonly end?: string | undefined;
}

/** The belief about a run that has just been accepted; without an id if the reply was lost. */
export function acceptedRun(runId?: RunID): RunBelief {
  return makeBelief(runId, [], stateSetOf('PENDING'));
}

/** The same run, with its id known. */
export function withId({ states, end }: RunBelief, runId: RunID): RunBelief {
  return makeBelief(runId, [], states, end);
}

/** The same run, known not to have that id. */
export function withoutId(belief: RunBelief, runId: RunID): RunBelief {
  if (belief.runId !== undefined || belief.notIds.includes(runId)) return belief;
  return makeBelief(undefined, [...belief.notIds, runId].sort(), belief.states, belief.end);
}

/** The set that contains just this state. */
export function stateSetOf(state: RunState): StateSet {
  return 1 << runStateCode(state);
}

/** The states that a run can be in now if it was in these: it may have moved on, and, once over, been forgotten. */
function afterMoves(states: StateSet, mayEvict: boolean): StateSet {
  let reached = states;
  for (const from of RUN_STATES) {
    if ((states & stateSetOf(from)) === 0) continue;
    for (const to of RUN_STATES) if (canMove(from, to)) reached |= stateSetOf(to);
  }
  return mayEvict && (reached & DONE_MASK) !== 0 ? reached | GONE : reached;
}

/** The belief after a look; undefined if the look contradicts it. */
export function look(belief: RunBelief, { states, end }: RunLook, mayEvict: boolean): RunBelief | undefined {
  const left = afterMoves(belief.states, mayEvict) & states;
  if (left === 0 || (end !== undefined && belief.end !== undefined && end !== belief.end)) return undefined;
  return makeBelief(belief.runId, belief.notIds, left, end ?? belief.end);
}

/** The exit code and error of a status as a text; undefined if the run is not over. */
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
