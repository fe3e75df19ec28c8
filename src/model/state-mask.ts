/**
 * Sets of run states as bit masks: the bit of state s is `1 << code(s)` (R6). Invariant: a mask is an integer in [0,
 * 127]; every function here rejects, or shows as invalid, anything else.
 */
import { describeValue, invalidArgument } from '../kernel/errors.ts';
import { isRunState, RUN_STATES, runStateCode, TERMINAL_STATES, type RunState } from './run-state.ts';

declare const stateMask: unique symbol;

/** A set of states; make one with `maskForState`, or use a named constant. */
export type StateMask = number & { readonly [stateMask]: true };

/** Matches UNKNOWN only. See {@link maskForState}. */
export const UNKNOWN_MASK: StateMask = maskForState('UNKNOWN');
/** Matches PENDING only. See {@link maskForState}. */
export const PENDING_MASK: StateMask = maskForState('PENDING');
/** Matches RUNNING only. See {@link maskForState}. */
export const RUNNING_MASK: StateMask = maskForState('RUNNING');
/** Matches COMPLETE only. See {@link maskForState}. */
export const COMPLETE_MASK: StateMask = maskForState('COMPLETE');
/** Matches FAILED only. See {@link maskForState}. */
export const FAILED_MASK: StateMask = maskForState('FAILED');
/** Matches ABORTED only. See {@link maskForState}. */
export const ABORTED_MASK: StateMask = maskForState('ABORTED');
/** Matches TIMEDOUT only. See {@link maskForState}. */
export const TIMEDOUT_MASK: StateMask = maskForState('TIMEDOUT');
/** Matches the five terminal states (R7). See {@link maskForState}. */
export const DONE_MASK: StateMask = maskForState(...TERMINAL_STATES);
/** Matches all seven states (R7): the union of their bits, not the model's 64-bit value. See {@link maskForState}. */
export const ALL_MASK: StateMask = maskForState(...RUN_STATES);

const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'NONE'],
  ...RUN_STATES.map((state): [number, string] => [maskForState(state), `${state}_MASK`]),
  [DONE_MASK, 'DONE_MASK'],
  [ALL_MASK, 'ALL_MASK'],
]);

/**
 * The union of the given states; with no arguments the empty mask, which matches nothing (R8).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but one of the seven states.
 * @example
 * ```ts
 * import { maskForState, maskMatches } from 'dryrunner';
 * const mask = maskForState('PENDING', 'RUNNING');
 * if (!maskMatches(mask, 'RUNNING')) throw new Error('unreachable');
 * ```
 */
export function maskForState(...states: readonly RunState[]): StateMask {
  let mask = 0;
  for (const state of states) {
    if (!isRunState(state)) throw invalidArgument('state', `one of ${RUN_STATES.join(', ')}`, state);
    mask |= 1 << runStateCode(state);
  }
  return mask as StateMask;
}

/** True if `state` is in the mask (the model's `StateMask.Matches`). See {@link maskForState}. */
export function maskMatches(mask: StateMask, state: RunState): boolean {
  if (typeof mask !== 'number') {
    throw invalidArgument('mask', `a mask, an integer from 0 to ${ALL_MASK}`, mask);
  }
  return ((mask >> runStateCode(state)) & 1) === 1;
}

/** True if a value is a valid mask: an integer in [0, 127]. */
export function isStateMask(value: unknown): value is StateMask {
  return typeof value === 'number' && value >= 0 && value <= ALL_MASK && Number.isInteger(value);
}

/**
 * The name of a named mask, otherwise the names of its states joined by `|`; `NONE` for the empty mask, and
 * `StateMask(n)` for a number that is not a mask (R9). Never throws. See {@link maskForState}.
 */
export function formatMask(mask: StateMask): string {
  const name = NAMES.get(mask);
  if (name !== undefined) return name;
  if (!isStateMask(mask)) return `StateMask(${describeValue(mask)})`;
  return RUN_STATES.filter((state) => maskMatches(mask, state)).join('|');
}
