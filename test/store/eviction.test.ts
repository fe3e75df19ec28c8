import { describe, expect, test } from 'vitest';
import { completeStatus } from '../../src/model/run-status.ts';
import { finalStatus, waitForState } from '../../src/model/status-lookup.ts';
import { rejectionOf, thrownBy } from '../model/thrown.ts';
import { everyRun, listed, StoreWorld } from './store-world.ts';

/** Creates a run and ends it. */
function endedRun(world: StoreWorld): string {
  const { runId } = world.store.newRun();
  world.store.update(completeStatus(runId, '', 0));
  return runId;
}

describe('eviction', () => {
  test('R47 capacity 0 keeps all runs', () => {
    const world = new StoreWorld();
    for (let run = 0; run < 100; run += 1) endedRun(world);
    expect([...world.store.runIds]).toHaveLength(100);
  });

  test.for([1, 2, 5])('R47 D23 capacity %i keeps the newest created', (capacity) => {
    const world = new StoreWorld({ capacity });
    for (let run = 0; run < 12; run += 1) {
      endedRun(world);
      const kept = Array.from({ length: Math.min(run + 1, capacity) }, (_, n) =>
        String(run + 1 - Math.min(run + 1, capacity) + n),
      );
      expect([...world.store.runIds]).toEqual(kept);
    }
  });

  test('R48 D11 a run that is not terminal is never evicted, the store exceeds its capacity instead', async () => {
    const world = new StoreWorld({ capacity: 1 });
    world.newRuns(2);
    world.write('1', 'RUNNING');
    world.newRuns(1);
    expect(await world.runs()).toBe('0 PENDING, 1 RUNNING, 2 PENDING');
    expect(world.write('0', 'RUNNING')).toBe('accepted');
  });

  test('R48 the oldest terminal runs go first, as many as exceed the capacity', async () => {
    const world = new StoreWorld({ capacity: 2 });
    world.newRuns(5);
    for (const runId of ['3', '1']) world.write(runId, 'COMPLETE');
    expect(await world.runs()).toBe('0 PENDING, 1 COMPLETE, 2 PENDING, 3 COMPLETE, 4 PENDING');
    world.newRuns(1);
    expect(await world.runs()).toBe('0 PENDING, 2 PENDING, 4 PENDING, 5 PENDING');
    world.write('5', 'FAILED');
    world.write('0', 'UNKNOWN');
    world.write('4', 'ABORTED');
    world.newRuns(1);
    expect(await world.runs()).toBe('2 PENDING, 6 PENDING');
  });

  test('R48 a write evicts nothing', async () => {
    const world = new StoreWorld({ capacity: 1 });
    world.newRuns(2);
    world.write('0', 'COMPLETE');
    world.write('1', 'COMPLETE');
    expect(await world.runs()).toBe('0 COMPLETE, 1 COMPLETE');
  });

  test('R49 an evicted id is unknown to reads and writes', async () => {
    const world = new StoreWorld({ capacity: 1 });
    const gone = endedRun(world);
    endedRun(world);
    const text = `RUNNER_UNKNOWN_RUN: unknown run id ${gone}`;
    expect(await rejectionOf(world.store.status(gone))).toBe(text);
    expect(await rejectionOf(world.store.queryNow(listed([gone])))).toBe(text);
    expect(await rejectionOf(finalStatus(world.store, gone))).toBe(text);
    expect(thrownBy(() => world.write(gone, 'RUNNING'))).toBe(text);
    expect(thrownBy(() => world.store.currentStatus(gone))).toBe(text);
    expect(await world.runs()).toBe('1 COMPLETE');
    expect((await world.store.queryNow(everyRun('PENDING'))).statuses).toEqual([]);
  });

  test('R49 D12 waiters on an evicted id wake with the unknown-run error, in order of registration', async () => {
    const world = new StoreWorld({ capacity: 2 });
    world.newRuns(2);
    world.write('0', 'COMPLETE');
    const both = world.store.query(listed(['1', '0'], 'TIMEDOUT'), { timeoutMs: 70 });
    world.note('both', both);
    world.wait('other', listed(['1'], 'TIMEDOUT'));
    world.wait('union', { ...everyRun('TIMEDOUT'), runs: ['0'] });
    world.wait('all', everyRun('TIMEDOUT'));
    world.wait('others', listed(['0', '1'], 'FAILED'));
    await world.pass(4);
    world.newRuns(1);
    expect(await rejectionOf(both)).toBe('RUNNER_UNKNOWN_RUN: unknown run id 0');
    expect(await world.news()).toEqual([
      '4 both RUNNER_UNKNOWN_RUN',
      '4 union RUNNER_UNKNOWN_RUN',
      '4 others RUNNER_UNKNOWN_RUN',
    ]);
    expect([world.store.waiterCount, world.clock.pending]).toEqual([2, 0]);
    world.write('1', 'TIMEDOUT');
    expect(await world.news()).toEqual(['4 other 1 TIMEDOUT', '4 all 1 TIMEDOUT']);
    expect(world.store.waiterCount).toBe(0);
  });

  test('R49 D12 in a store of one run, a wait on a run ends before the next run takes its place', async () => {
    const world = new StoreWorld({ capacity: 1 });
    world.newRuns(1);
    world.note('final', finalStatus(world.store, '0'), ({ status }) => status.state);
    world.note('timed out', waitForState(world.store, '0', 'TIMEDOUT'));
    world.write('0', 'COMPLETE');
    world.newRuns(1);
    expect((await world.news()).sort()).toEqual(['0 final COMPLETE', '0 timed out RUNNER_CANNOT_HAPPEN']);
    expect(world.store.waiterCount).toBe(0);
  });

  test('R46 R49 those who wait for the new run are woken before those who wait for the evicted one', async () => {
    const world = new StoreWorld({ capacity: 1 });
    world.newRuns(2);
    world.write('0', 'COMPLETE');
    world.wait('evicted', listed(['0', '1'], 'FAILED'));
    world.wait('new', everyRun('PENDING', 'FAILED'), { timeoutMs: 0 });
    world.write('1', 'RUNNING');
    world.wait('newer', everyRun('PENDING'));
    world.newRuns(1);
    expect(await world.news()).toEqual([
      '0 new 1 PENDING',
      '0 newer 2 PENDING',
      '0 evicted RUNNER_UNKNOWN_RUN',
    ]);
  });
});
