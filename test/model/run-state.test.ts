import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canMove,
  formatRunState,
  isRunState,
  isTerminal,
  RUN_STATES,
  runStateCode,
  type RunState,
} from '../../src/model/run-state.ts';
import { DONE_MASK, maskMatches } from '../../src/model/state-mask.ts';

const LIVE: readonly RunState[] = ['PENDING', 'RUNNING'];

describe('run states', () => {
  test('R1 the seven states have the codes of the wire', () => {
    expect(RUN_STATES.map((state) => [runStateCode(state), state])).toEqual([
      [0, 'UNKNOWN'],
      [1, 'PENDING'],
      [2, 'RUNNING'],
      [3, 'COMPLETE'],
      [4, 'FAILED'],
      [5, 'ABORTED'],
      [6, 'TIMEDOUT'],
    ]);
    expect(Object.isFrozen(RUN_STATES)).toBe(true);
  });

  test('R2 D9 every state but PENDING and RUNNING is terminal, UNKNOWN too, and the DONE mask agrees', () => {
    for (const state of RUN_STATES) {
      expect([state, isTerminal(state)]).toEqual([state, !LIVE.includes(state)]);
      expect([state, maskMatches(DONE_MASK, state)]).toEqual([state, isTerminal(state)]);
    }
  });

  test('R4 D13 the table of moves: forward only, RUNNING may be rewritten, the end is the end', () => {
    const moves = RUN_STATES.flatMap((from) =>
      RUN_STATES.filter((to) => canMove(from, to)).map((to) => `${from}→${to}`),
    );
    expect(moves).toEqual([
      ...['UNKNOWN', 'RUNNING', 'COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT'].map((to) => `PENDING→${to}`),
      ...['UNKNOWN', 'RUNNING', 'COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT'].map((to) => `RUNNING→${to}`),
    ]);
  });

  test('R5 a state prints as its name, by name and by code', () => {
    expect(RUN_STATES.map((state) => formatRunState(state))).toEqual(RUN_STATES);
    expect(RUN_STATES.map((_, code) => formatRunState(code))).toEqual(RUN_STATES);
  });

  test('R5 D6 any other number prints as RunState(n) and throws nothing', () => {
    expect([7, -1, 1.5, NaN, Infinity].map((code) => formatRunState(code))).toEqual([
      'RunState(7)',
      'RunState(-1)',
      'RunState(1.5)',
      'RunState(NaN)',
      'RunState(Infinity)',
    ]);
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer()), (code) => {
        const named = Number.isInteger(code) && code >= 0 && code <= 6;
        return formatRunState(code) === (named ? RUN_STATES[code] : `RunState(${code})`);
      }),
    );
  });

  test('only the seven names are states', () => {
    expect(RUN_STATES.every(isRunState)).toBe(true);
    const others = ['pending', '', 'toString', 1, undefined, null, {}, ['PENDING']];
    expect(others.filter(isRunState)).toEqual([]);
  });
});
