// What a write pays, counted in waiters looked at, not in time.
import { describe, expect, test, vi } from 'vitest';
import { everyRun, listed, settle, StoreWorld } from './store-world.ts';

describe('the cost of a write', () => {
  test('R54 R55 100,000 waiters on other runs and for other states cost nothing', async () => {
    const world = new StoreWorld();
    const { store } = world;
    const ids = world.newRuns(1000);
    const forEver = { timeoutMs: Infinity };
    for (let n = 0; n < 98_000; n += 1) void store.query(listed([ids[1 + (n % 999)]!], 'FAILED'), forEver);
    for (let n = 0; n < 1000; n += 1) void store.query(listed(['0'], 'FAILED', 'TIMEDOUT'), forEver);
    for (let n = 0; n < 1000; n += 1) void store.query(everyRun('ABORTED'), forEver);
    expect(store.waiterCount).toBe(100_000);
    world.wait('one', listed(['0'], 'RUNNING'));
    world.wait('all', everyRun('RUNNING'));
    for (let write = 0; write < 50; write += 1) world.write('0', 'RUNNING');
    store.newRun();
    expect(store.waitersVisited).toBe(2);
    expect(await world.news()).toEqual(['0 one 0 RUNNING', '0 all 0 RUNNING']);
    expect(store.waiterCount).toBe(100_000);
    world.write('0', 'TIMEDOUT');
    expect(store.waitersVisited).toBe(1002);
    expect(store.waiterCount).toBe(99_000);
    await settle();
  });

  test('R36 a wait that a write makes impossible costs one check, whatever the number of runs and waiters', async () => {
    const world = new StoreWorld();
    const ids = world.newRuns(500);
    const doomed = world.store.query(listed(ids, 'FAILED'), { timeoutMs: Infinity });
    world.note('doomed', doomed);
    for (const runId of ids) world.write(runId, 'RUNNING');
    expect(world.store.waitersVisited).toBe(0);
    for (const runId of ids) world.write(runId, 'COMPLETE');
    expect(world.store.waitersVisited).toBe(500);
    expect(await world.news()).toEqual(['0 doomed RUNNER_CANNOT_HAPPEN']);
  });
});

describe('the cost of a read', () => {
  test('R48 a query that matches nothing and an eviction that finds nothing walk over no runs', async () => {
    const world = new StoreWorld({ capacity: 2 });
    const { store } = world;
    const walks = vi.spyOn(Map.prototype, 'values');
    const walksFor = async (look: () => unknown): Promise<number> => {
      walks.mockClear();
      await look();
      return walks.mock.calls.length;
    };
    try {
      expect(await walksFor(() => world.newRuns(5))).toBe(0);
      expect(await walksFor(() => store.queryNow(everyRun('RUNNING', 'FAILED')))).toBe(0);
      expect(await walksFor(() => store.queryNow(everyRun('RUNNING', 'PENDING')))).toBe(1);
      world.write('0', 'RUNNING');
      world.write('0', 'COMPLETE');
      expect(await walksFor(() => store.queryNow(everyRun('RUNNING')))).toBe(0);
      expect(await walksFor(() => store.queryNow(everyRun('COMPLETE')))).toBe(1);
      expect(await walksFor(() => store.newRun())).toBe(1);
      expect([...store.runIds]).toEqual(['1', '2', '3', '4', '5']);
      expect(await walksFor(() => store.queryNow(everyRun('COMPLETE')))).toBe(0);
      expect(await walksFor(() => store.newRun())).toBe(0);
    } finally {
      walks.mockRestore();
    }
  });
});
