/**
 * The states of a run: one table that defines what each of them means. Everything else about states derives from it
 * (terminal or not, moves, masks, codes, valid fields), so adding a state means adding a row, which does not compile
 * until every field is decided.
 */
import { describeValue, invalidArgument } from '../kernel/errors.ts';

/** A field of a status that is valid only in some states (R11). */
export type OutcomeField = 'snapshotId' | 'exitCode' | 'error';

interface StateFacts {
  /** Numeric code in masks, on the wire and in traces (R1); consecutive from 0. */
  readonly code: number;
  /** True if a run in this state is over (R2); no move leads out of it. */
  readonly isTerminal: boolean;
  /** True if a run can move here from a state that is not terminal (R4). */
  readonly isReached: boolean;
  readonly validFields: readonly OutcomeField[];
}

/** The state a run is in (R1, R3). */
export type RunState = 'UNKNOWN' | 'PENDING' | 'RUNNING' | 'COMPLETE' | 'FAILED' | 'ABORTED' | 'TIMEDOUT';

const FACTS: Readonly<Record<RunState, StateFacts>> = {
  UNKNOWN: { code: 0, isTerminal: true, isReached: true, validFields: [] },
  PENDING: { code: 1, isTerminal: false, isReached: false, validFields: [] },
  RUNNING: { code: 2, isTerminal: false, isReached: true, validFields: [] },
  COMPLETE: { code: 3, isTerminal: true, isReached: true, validFields: ['snapshotId', 'exitCode', 'error'] },
  FAILED: { code: 4, isTerminal: true, isReached: true, validFields: ['exitCode', 'error'] },
  ABORTED: { code: 5, isTerminal: true, isReached: true, validFields: ['error'] },
  TIMEDOUT: { code: 6, isTerminal: true, isReached: true, validFields: [] },
};

/** All states, the index being the numeric code of masks, wire and traces (R1). See {@link isTerminal}. */
export const RUN_STATES: readonly RunState[] = Object.freeze(
  (Object.keys(FACTS) as RunState[]).sort((a, b) => FACTS[a].code - FACTS[b].code),
);

/** The states in which a run is over. */
export const TERMINAL_STATES: readonly RunState[] = Object.freeze(
  RUN_STATES.filter((state) => FACTS[state].isTerminal),
);

function columnOf<Value>(read: (facts: StateFacts) => Value): Readonly<Record<string, Value | undefined>> {
  return Object.freeze(Object.fromEntries(RUN_STATES.map((state) => [state, read(FACTS[state])])));
}

// Looked up for every status that is written: a column of its own makes that one look-up.
const CODES = columnOf(({ code }) => code);
const TERMINAL = columnOf((facts) => facts.isTerminal);
const REACHED = columnOf(({ isReached }) => isReached);

/** The numeric code of a state (R1). */
export function runStateCode(state: RunState): number {
  const code: unknown = typeof state === 'string' ? CODES[state] : undefined;
  if (typeof code !== 'number') throw invalidArgument('state', `one of ${RUN_STATES.join(', ')}`, state);
  return code;
}

/**
 * True for COMPLETE, FAILED, ABORTED, TIMEDOUT and UNKNOWN (R2).
 *
 * @example
 * ```ts
 * import { formatRunState, isTerminal, RUN_STATES } from 'dryrunner';
 * console.log(RUN_STATES.filter(isTerminal).map(formatRunState).length); // 5
 * ```
 */
export function isTerminal(state: RunState): boolean {
  return typeof state === 'string' && TERMINAL[state] === true;
}

/** True if a run may go from one state to the other (R4). RUNNING may be rewritten. */
export function canMove(from: RunState, to: RunState): boolean {
  return (
    typeof from === 'string' && typeof to === 'string' && TERMINAL[from] === false && REACHED[to] === true
  );
}

/** True if that field may have a value in that state (R11). */
export function hasField(state: RunState, field: OutcomeField): boolean {
  return isRunState(state) && FACTS[state].validFields.includes(field);
}

/** True if `value` is one of the seven states. */
export function isRunState(value: unknown): value is RunState {
  // Any object has inherited properties, such as `toString`.
  return typeof value === 'string' && typeof CODES[value] === 'number';
}

/**
 * The upper-case name of a state or of a numeric code; an out-of-range number prints as `RunState(n)` (R5). Never
 * throws. See {@link isTerminal}.
 */
export function formatRunState(state: RunState | number): string {
  if (typeof state === 'string') return state;
  if (typeof state === 'number') return RUN_STATES[state] ?? `RunState(${state})`;
  return `RunState(${describeValue(state)})`;
}
