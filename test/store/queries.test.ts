import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchesQuery, type Query } from '../../src/model/query.ts';
import { RUN_STATES } from '../../src/model/run-state.ts';
import { serviceStatus } from '../../src/model/service-status.ts';
import { maskForState } from '../../src/model/state-mask.ts';
import { statusAll, statusNow } from '../../src/model/status-lookup.ts';
import { refused, rejectionOf } from '../model/thrown.ts';
import { everyRun, listed, resultText, settle, StoreWorld } from './store-world.ts';

/** Run 0 COMPLETE, 1 RUNNING, 2 PENDING, 3 FAILED. */
function fourRuns(): StoreWorld {
  const world = new StoreWorld();
  world.newRuns(4);
  world.write('0', 'COMPLETE');
  world.write('1', 'RUNNING');
  world.write('3', 'FAILED');
  return world;
}

describe('a query that need not wait', () => {
  test('R24 R37 gives what matches, listed ids in query order without duplicates', async () => {
    const { store } = fourRuns();
    const now = async (query: Query): Promise<string> => resultText(await store.queryNow(query));
    expect(await now(listed(['3', '0', '3', '1', '0']))).toBe('3 FAILED, 0 COMPLETE, 1 RUNNING');
    expect(await now(listed(['3', '0', '1'], 'COMPLETE', 'FAILED'))).toBe('3 FAILED, 0 COMPLETE');
    expect(await now(listed(['2']))).toBe('2 PENDING');
    expect(await now(listed([]))).toBe('nothing');
    expect(await now({ states: maskForState('PENDING') })).toBe('nothing');
    expect(await now({ ...listed(['0']), allRuns: false })).toBe('0 COMPLETE');
  });

  test('R24 R37 D19 all runs come in creation order, even if some are listed too', async () => {
    const { store } = fourRuns();
    const now = async (query: Query): Promise<string> => resultText(await store.queryNow(query));
    expect(await now(everyRun())).toBe('0 COMPLETE, 1 RUNNING, 2 PENDING, 3 FAILED');
    expect(await now(everyRun('FAILED', 'COMPLETE'))).toBe('0 COMPLETE, 3 FAILED');
    expect(await now({ ...everyRun('FAILED', 'COMPLETE'), runs: ['3', '1'] })).toBe('0 COMPLETE, 3 FAILED');
    expect(await now(everyRun('TIMEDOUT'))).toBe('nothing');
    const world = new StoreWorld();
    const ids = world.newRuns(120);
    for (const runId of [...ids].reverse()) world.write(runId, 'RUNNING');
    expect(await world.runs()).toBe(ids.map((runId) => `${runId} RUNNING`).join(', '));
  });

  test('R25 queryNow answers as a query with no time does', async () => {
    const { store } = fourRuns();
    const anyQuery = fc.record({
      runs: fc.array(fc.constantFrom('0', '1', '2', '3', '4')),
      allRuns: fc.boolean(),
      states: fc.array(fc.constantFrom(...RUN_STATES)).map((states) => maskForState(...states)),
    });
    const textOf = (promise: Promise<unknown>): Promise<string> =>
      promise.then((value) => JSON.stringify(value), String);
    await fc.assert(
      fc.asyncProperty(anyQuery, async (query) => {
        const now = await textOf(store.queryNow(query));
        expect(await textOf(store.query(query, { timeoutMs: 0 }))).toBe(now);
        if (query.runs.includes('4')) {
          expect(now).toBe('RunnerError: unknown run id 4');
          return;
        }
        const { statuses } = JSON.parse(now) as Awaited<ReturnType<typeof store.queryNow>>;
        const order = query.allRuns ? ['0', '1', '2', '3'] : [...new Set(query.runs)];
        const expected = order
          .map((runId) => store.currentStatus(runId))
          .filter((status) => matchesQuery(status, query));
        expect(statuses).toEqual(expected);
      }),
    );
    expect(store.waiterCount).toBe(0);
  });

  test.for([0, 1000, Infinity])(
    'R26 an unknown id fails the whole query at once, whatever the wait (%d ms)',
    async (timeoutMs) => {
      const { store, clock } = fourRuns();
      const text = 'RUNNER_UNKNOWN_RUN: unknown run id nope';
      const { signal } = new AbortController();
      expect(await rejectionOf(store.query(listed(['0', 'nope', 'no2']), { timeoutMs, signal }))).toBe(text);
      const union = { ...everyRun('TIMEDOUT'), runs: ['nope'] };
      expect(await rejectionOf(store.query(union, { timeoutMs }))).toBe(text);
      expect([store.waiterCount, clock.pending]).toEqual([0, 0]);
    },
  );

  test('R26 the first unknown id of the query is named', async () => {
    const { store } = fourRuns();
    expect(await rejectionOf(store.queryNow(listed(['9', '8'])))).toBe(
      'RUNNER_UNKNOWN_RUN: unknown run id 9',
    );
  });

  test('R27 R30 known runs that do not match give an empty list, cancelled or not', async () => {
    const { store } = fourRuns();
    const stop = new AbortController();
    stop.abort();
    const none = { statuses: [], service: store.serviceStatus };
    expect(await store.query(listed(['0', '2'], 'RUNNING'), { timeoutMs: 0 })).toStrictEqual(none);
    const cancelled = { timeoutMs: 0, signal: stop.signal };
    expect(await store.query(listed(['0', '2'], 'RUNNING'), cancelled)).toStrictEqual(none);
    expect(await store.query(everyRun('TIMEDOUT'), cancelled)).toStrictEqual(none);
  });

  test.for([1, Infinity])(
    'R28 D20 no ids and not all runs gives an empty list at once (%d ms)',
    async (timeoutMs) => {
      const world = fourRuns();
      world.wait('none', listed([]), { timeoutMs });
      world.wait('absent', { states: maskForState('RUNNING') }, { timeoutMs });
      expect(await world.news()).toEqual(['0 none nothing', '0 absent nothing']);
      expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
    },
  );

  test('R29 all current matches come at once, whatever the timeout and the signal', async () => {
    const world = fourRuns();
    const stop = new AbortController();
    stop.abort();
    for (const timeoutMs of [0, 5, Infinity]) {
      world.wait('all', everyRun('COMPLETE', 'FAILED'), { timeoutMs, signal: stop.signal });
    }
    const text = '0 all 0 COMPLETE, 3 FAILED';
    expect(await world.news()).toEqual([text, text, text]);
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R38 D18 the service status is of the same instant as the statuses', async () => {
    const { store } = fourRuns();
    const before = store.serviceStatus;
    const answers = [store.queryNow(everyRun()), store.statusAll(), store.queryNow(listed(['2'], 'RUNNING'))];
    const one = store.status('1');
    store.updateService(serviceStatus(true, true));
    for (const answer of answers) expect((await answer).service).toBe(before);
    expect((await one).service).toBe(before);
    expect((await store.statusAll()).service).toStrictEqual(serviceStatus(true, true));
  });

  test('R40 R43 the read functions see what the store holds', async () => {
    const { store } = fourRuns();
    expect((await statusNow(store, '1')).status).toBe(store.currentStatus('1'));
    expect((await store.status('1')).status).toBe(store.currentStatus('1'));
    expect(await statusAll(store)).toStrictEqual(await store.statusAll());
    expect(resultText(await statusAll(store))).toBe('0 COMPLETE, 1 RUNNING, 2 PENDING, 3 FAILED');
    expect(await rejectionOf(statusNow(store, '4'))).toBe('RUNNER_UNKNOWN_RUN: unknown run id 4');
  });

  test('R33 D15 a negative or invalid timeout is refused, even where nothing would wait', async () => {
    const { store } = fourRuns();
    for (const timeoutMs of [-1, -0.001, NaN]) {
      const text = refused('wait.timeoutMs', 'a number of milliseconds, 0 or more', String(timeoutMs));
      for (const query of [listed(['0']), listed(['0'], 'RUNNING'), everyRun(), listed([])]) {
        expect(await rejectionOf(store.query(query, { timeoutMs }))).toBe(text);
      }
    }
  });

  test('a malformed query is refused, and the refusal is a rejection', async () => {
    const { store } = fourRuns();
    expect(await rejectionOf(store.queryNow({ states: 128 } as unknown as Query))).toBe(
      refused('query.states', 'a mask, an integer from 0 to 127', '128'),
    );
    expect(await rejectionOf(store.query(undefined as unknown as Query, { timeoutMs: 0 }))).toBe(
      refused('query', 'an object with states', 'undefined'),
    );
    await settle();
  });
});
