import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkQuery, matchesQuery, checkWait, NO_WAIT, waitForever } from '../../src/model/query.ts';
import { RUN_STATES } from '../../src/model/run-state.ts';
import { makeRunStatus, zeroStatus } from '../../src/model/run-status.ts';
import { ALL_MASK, maskForState, PENDING_MASK, type StateMask } from '../../src/model/state-mask.ts';
import { refused, thrownBy } from './thrown.ts';

describe('a query', () => {
  test('R24 matches a status if its state is in the mask and its id is listed or all runs are meant', () => {
    const ids = fc.constantFrom('0', '1', '2');
    fc.assert(
      fc.property(
        ids,
        fc.constantFrom(...RUN_STATES),
        fc.option(fc.array(ids), { nil: undefined }),
        fc.option(fc.boolean(), { nil: undefined }),
        fc.array(fc.constantFrom(...RUN_STATES)),
        (runId, state, runs, allRuns, states) => {
          const status = makeRunStatus(runId, state, zeroStatus(), zeroStatus(), zeroStatus());
          const query = {
            states: maskForState(...states),
            ...(runs === undefined ? {} : { runs }),
            ...(allRuns === undefined ? {} : { allRuns }),
          };
          const expected = states.includes(state) && (allRuns === true || (runs ?? []).includes(runId));
          return matchesQuery(status, query) === expected;
        },
      ),
    );
  });

  test('passes with ids, with all runs, with both and with neither', () => {
    const states = ALL_MASK;
    const passing = [{ states }, { states, runs: [] }, { states, runs: ['0'], allRuns: true }];
    for (const query of passing) expect(() => checkQuery(query)).not.toThrow();
    expect(() => checkQuery({ states: 0 as StateMask })).not.toThrow();
    expect(() => checkQuery({ states, runs: undefined, allRuns: undefined })).not.toThrow();
  });

  const mask = 'a mask, an integer from 0 to 127';
  test.for<[unknown, string, string, string]>([
    [undefined, 'query', 'an object with states', 'undefined'],
    [null, 'query', 'an object with states', 'null'],
    [7, 'query', 'an object with states', '7'],
    [{}, 'query.states', mask, 'undefined'],
    [{ states: 128 }, 'query.states', mask, '128'],
    [{ states: -1 }, 'query.states', mask, '-1'],
    [{ states: 'ALL' }, 'query.states', mask, '"ALL"'],
    [{ states: 1, allRuns: 1 }, 'query.allRuns', 'true or false', '1'],
    [{ states: 1, runs: '0' }, 'query.runs', 'an array of run ids', '"0"'],
    [{ states: 1, runs: ['0', 1] }, 'query.runs[1]', 'a run id', '1'],
  ])('%o is refused: %s', ([query, name, expected, got]) => {
    expect(thrownBy(() => checkQuery(query))).toBe(refused(name, expected, got));
  });
});

describe('a wait', () => {
  test('R32 for ever has no limit, R30 no wait is 0', () => {
    const { signal } = new AbortController();
    expect(waitForever()).toStrictEqual({ timeoutMs: Infinity });
    expect(waitForever(signal)).toStrictEqual({ timeoutMs: Infinity, signal });
    expect(NO_WAIT).toStrictEqual({ timeoutMs: 0 });
    expect([waitForever(), waitForever(signal), NO_WAIT].every(Object.isFrozen)).toBe(true);
  });

  test('passes from 0 to for ever, with a signal of any make', () => {
    const polyfill = { aborted: false, addEventListener: () => {}, removeEventListener: () => {} };
    const passing = [
      NO_WAIT,
      waitForever(new AbortController().signal),
      { timeoutMs: 0.5, signal: polyfill },
    ];
    for (const wait of passing) expect(() => checkWait(wait)).not.toThrow();
    expect(() => checkWait({ timeoutMs: 1, signal: undefined })).not.toThrow();
  });

  const number = 'a number of milliseconds, 0 or more';
  test.for<[unknown, string, string, string]>([
    [undefined, 'wait', 'an object with timeoutMs', 'undefined'],
    [null, 'wait', 'an object with timeoutMs', 'null'],
    [5, 'wait', 'an object with timeoutMs', '5'],
    [{}, 'wait.timeoutMs', number, 'undefined'],
    [{ timeoutMs: NaN }, 'wait.timeoutMs', number, 'NaN'],
    [{ timeoutMs: '5' }, 'wait.timeoutMs', number, '"5"'],
    [{ timeoutMs: 5, signal: null }, 'wait.signal', 'an AbortSignal', 'null'],
    [{ timeoutMs: 5, signal: 'now' }, 'wait.signal', 'an AbortSignal', '"now"'],
    [{ timeoutMs: 5, signal: {} }, 'wait.signal', 'an AbortSignal', 'an object'],
    [{ timeoutMs: 5, signal: { aborted: false } }, 'wait.signal', 'an AbortSignal', 'an object'],
    [
      { timeoutMs: 5, signal: { aborted: false, addEventListener: () => {} } },
      'wait.signal',
      'an AbortSignal',
      'an object',
    ],
    [
      { timeoutMs: 5, signal: { aborted: false, removeEventListener: () => {} } },
      'wait.signal',
      'an AbortSignal',
      'an object',
    ],
    [
      { timeoutMs: 5, signal: { addEventListener: () => {}, removeEventListener: () => {} } },
      'wait.signal',
      'an AbortSignal',
      'an object',
    ],
  ])('%o is refused: %s', ([wait, name, expected, got]) => {
    expect(thrownBy(() => checkWait(wait))).toBe(refused(name, expected, got));
  });

  test.for([-1, -Infinity, -0.001])('R33 D15 a negative timeout, %d, is an invalid argument', (timeoutMs) => {
    expect(thrownBy(() => checkWait({ timeoutMs }))).toBe(
      refused('wait.timeoutMs', number, String(timeoutMs)),
    );
  });

  test('R24 the mask of a query decides, not its order', () => {
    const pending = makeRunStatus('0', 'PENDING', zeroStatus(), zeroStatus(), zeroStatus());
    expect(matchesQuery(pending, { states: PENDING_MASK })).toBe(false);
    expect(matchesQuery(pending, { states: PENDING_MASK, allRuns: true })).toBe(true);
  });
});
