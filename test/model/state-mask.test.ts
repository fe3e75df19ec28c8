import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RUN_STATES, runStateCode, type RunState } from '../../src/model/run-state.ts';
import {
  ABORTED_MASK,
  ALL_MASK,
  COMPLETE_MASK,
  DONE_MASK,
  FAILED_MASK,
  formatMask,
  isStateMask,
  maskForState,
  maskMatches,
  PENDING_MASK,
  RUNNING_MASK,
  TIMEDOUT_MASK,
  UNKNOWN_MASK,
  type StateMask,
} from '../../src/model/state-mask.ts';
import { refused, thrownBy } from './thrown.ts';

const NAMED: readonly (readonly [StateMask, RunState, number])[] = [
  [UNKNOWN_MASK, 'UNKNOWN', 1],
  [PENDING_MASK, 'PENDING', 2],
  [RUNNING_MASK, 'RUNNING', 4],
  [COMPLETE_MASK, 'COMPLETE', 8],
  [FAILED_MASK, 'FAILED', 16],
  [ABORTED_MASK, 'ABORTED', 32],
  [TIMEDOUT_MASK, 'TIMEDOUT', 64],
];
const anyState = fc.constantFrom(...RUN_STATES);
const anyStates = fc.array(anyState, { maxLength: 9 });
const matched = (mask: StateMask): RunState[] => RUN_STATES.filter((state) => maskMatches(mask, state));

describe('state masks', () => {
  test.for(NAMED)('R6 D1 mask %i is the bit of %s and nothing else', ([mask, state, bit]) => {
    expect(mask).toBe(bit);
    expect(mask).toBe(1 << runStateCode(state));
    expect(maskForState(state)).toBe(mask);
    expect(matched(mask)).toEqual([state]);
  });

  test('R7 DONE is the union of the five terminal masks, ALL matches all seven', () => {
    expect(DONE_MASK).toBe(UNKNOWN_MASK | COMPLETE_MASK | FAILED_MASK | ABORTED_MASK | TIMEDOUT_MASK);
    expect(DONE_MASK).toBe(0b1111001);
    expect(matched(ALL_MASK)).toEqual(RUN_STATES);
    expect(ALL_MASK).toBe(127);
  });

  test('R8 a mask of one state matches that state and no other', () => {
    for (const s of RUN_STATES) {
      for (const t of RUN_STATES) expect(maskMatches(maskForState(s), t)).toBe(s === t);
    }
  });

  test('R8 a mask of several states is their union, and of none it is empty', () => {
    expect(maskForState()).toBe(0);
    expect(matched(maskForState())).toEqual([]);
    fc.assert(
      fc.property(anyStates, anyState, (states, t) => {
        return maskMatches(maskForState(...states), t) === states.includes(t);
      }),
    );
  });

  test('anything but a state is refused, with the names of the states', () => {
    const expected = 'one of UNKNOWN, PENDING, RUNNING, COMPLETE, FAILED, ABORTED, TIMEDOUT';
    expect(thrownBy(() => maskForState('RUNNING', 'DONE' as RunState))).toBe(
      refused('state', expected, '"DONE"'),
    );
  });

  test('R9 D6 named masks print their name, others their states, the empty one NONE', () => {
    for (const [mask, state] of NAMED) expect(formatMask(mask)).toBe(`${state}_MASK`);
    expect(formatMask(DONE_MASK)).toBe('DONE_MASK');
    expect(formatMask(ALL_MASK)).toBe('ALL_MASK');
    expect(formatMask(maskForState())).toBe('NONE');
    expect(formatMask(maskForState('RUNNING', 'PENDING'))).toBe('PENDING|RUNNING');
    expect(formatMask(maskForState('COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT'))).toBe(
      'COMPLETE|FAILED|ABORTED|TIMEDOUT',
    );
  });

  test('R9 no two masks print the same, and none prints empty', () => {
    const texts = Array.from({ length: 128 }, (_, mask) => formatMask(mask as StateMask));
    expect(new Set(texts).size).toBe(128);
    expect(texts).not.toContain('');
  });

  test('a mask is an integer from 0 to 127; any other number prints as itself', () => {
    expect([0, 1, 64, 127].filter((value) => !isStateMask(value))).toEqual([]);
    const others = [-1, 128, 1.5, NaN, Infinity, 2 ** 53, '1', null, undefined, 1n];
    expect(others.filter((value) => isStateMask(value))).toEqual([]);
    expect([128, -1, 0.5, NaN].map((value) => formatMask(value as StateMask))).toEqual([
      'StateMask(128)',
      'StateMask(-1)',
      'StateMask(0.5)',
      'StateMask(NaN)',
    ]);
  });
});
