/**
 * The states of a run, their numeric codes and the one place that knows the allowed moves. Every layer asks here whether a state is
 * terminal or a move is legal; no other file has an opinion on it.
 */
import { describeValue, invalidArgument } from '../kernel/errors.ts';

/** The state a run is in (R1, R3). */
export type RunState = 'UNKNOWN' | 'PENDING' | 'RUNNING' | 'COMPLETE' | 'FAILED' | 'ABORTED' | 'TIMEDOUT';

/** All states, the index being the numeric code of masks, wire and traces (R1). */
export const RUN_STATES: readonly RunState[] = Object.freeze([
  'UNKNOWN',
  'PENDING',
  'RUNNING',
  'COMPLETE',
  'FAILED',
  'ABORTED',
  'TIMEDOUT',
] as const);

const STATES: ReadonlySet<unknown> = new Set(RUN_STATES);

const CODES: Readonly<Record<RunState, number>> = Object.freeze({
  UNKNOWN: 0,
  PENDING: 1,
  RUNNING: 2,
  COMPLETE: 3,
  FAILED: 4,
  ABORTED: 5,
  TIMEDOUT: 6,
});

/** The numeric code of a state (R1). */
export function runStateCode(state: RunState): number {
  const code: unknown = typeof state === 'string' ? CODES[state] : undefined;
  if (typeof code !== 'number') throw invalidArgument('state', `one of ${RUN_STATES.join(', ')}`, state);
  return code;
}

/** True for COMPLETE, FAILED, ABORTED, TIMEDOUT and UNKNOWN (R2). */
export function isTerminal(state: RunState): boolean {
  return state !== 'PENDING' && state !== 'RUNNING';
}

/** True if a run may go from one state to the other (R4). */
export function canMove(from: RunState, to: RunState): boolean {
  // A run only goes forward: nothing leads back to PENDING, and nothing leads out of an end. RUNNING may be rewritten.
  return (from === 'PENDING' || from === 'RUNNING') && to !== 'PENDING';
}

/** True if `value` is one of the seven states. */
export function isRunState(value: unknown): value is RunState {
  return STATES.has(value);
}

/** The upper-case name of a state or of a numeric code; an out-of-range number prints as `RunState(n)` (R5). Never throws. */
export function formatRunState(state: RunState | number): string {
  if (typeof state === 'string') return state;
  if (typeof state === 'number') return RUN_STATES[state] ?? `RunState(${state})`;
  return `RunState(${describeValue(state)})`;
}
