import { describe, expect, test } from 'vitest';
import { sweepTree, emptiesWithin, settlesWithin } from '../../../src/host/process/os-execer-process.ts';
import type { TreeCensus } from '../../../src/host/process/process-tree.ts';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { runOn } from './clock-steps.ts';
import { LEADER, census, entry, fakeTree } from './fake-tree.ts';

describe('sweeping a tree', () => {
  test.for<[string, (TreeCensus | Error)[], object, number]>([
    [
      'nobody is there',
      [census([])],
      { descendants: 0, survivors: 0, unreaped: [], suspects: [], exact: true },
      1,
    ],
    [
      'the leader is there',
      [census([LEADER]), census([])],
      { descendants: 0, survivors: 0, unreaped: [], suspects: [], exact: true },
      2,
    ],
    [
      'others come',
      [census([1]), census([1, 2]), census([3]), census([])],
      { descendants: 3, survivors: 0, unreaped: [], suspects: [], exact: true },
      4,
    ],
    [
      'somebody may be missed',
      [census([], false), census([], false), census([])],
      { descendants: 0, survivors: 0, unreaped: [], suspects: [], exact: true },
      3,
    ],
    [
      'a look fails',
      [new Error('EMFILE'), census([5]), census([])],
      { descendants: 1, survivors: 0, unreaped: [], suspects: [], exact: true },
      3,
    ],
  ])('R129 if %s it continues until an exact scan finds nobody', async ([, looks, swept, kills]) => {
    const clock = createVirtualClock();
    const tree = fakeTree(looks);
    expect(await runOn(clock, sweepTree(clock, tree, LEADER, 5000))).toEqual(swept);
    expect(tree.looks()).toBe(kills);
    expect(clock.pending).toBe(0);
  });

  test('R129 a reused pid counts as another process', async () => {
    const clock = createVirtualClock();
    const tree = fakeTree([
      { members: [entry(7, 1)], unreaped: [], suspects: [], exact: true },
      { members: [entry(7, 2)], unreaped: [], suspects: [], exact: true },
      census([]),
    ]);
    expect(await runOn(clock, sweepTree(clock, tree, LEADER, 5000))).toMatchObject({ descendants: 2 });
  });

  test('R128 ends at its bound and says who is left, after a number of scans that hardly grows', async () => {
    const clock = createVirtualClock();
    const tree = fakeTree([census([1, 2])]);
    expect(await runOn(clock, sweepTree(clock, tree, LEADER, 5000))).toEqual({
      descendants: 2,
      survivors: 2,
      unreaped: [],
      suspects: [],
      exact: true,
    });
    expect(clock.now()).toBe(5000);
    expect(tree.looks()).toBeLessThan(110);
    expect(clock.pending).toBe(0);
  });

  test('R128 says why it never saw the tree', async () => {
    const clock = createVirtualClock();
    const error = new Error('EMFILE');
    expect(await runOn(clock, sweepTree(clock, fakeTree([census([1]), error]), LEADER, 100))).toEqual({
      descendants: 1,
      survivors: 1,
      unreaped: [],
      suspects: [],
      exact: true,
      blind: error,
    });
    expect(clock.now()).toBe(100);
  });
});

describe('waiting with a bound', () => {
  test('R128 a promise that settles in time leaves no timer', async () => {
    const clock = createVirtualClock();
    expect(await settlesWithin(clock, 'x', 10, Promise.resolve())).toBe(true);
    expect(await settlesWithin(clock, 'x', 10, Promise.reject(new Error('also settled')))).toBe(true);
    expect(clock.pending).toBe(0);
    expect(clock.now()).toBe(0);
  });

  test('R128 one that does not is waited for exactly that long', async () => {
    const clock = createVirtualClock();
    const never = new Promise(() => {});
    expect(await runOn(clock, settlesWithin(clock, 'x', 10, never))).toBe(false);
    expect(clock.now()).toBe(10);
  });

  test.for<[string, (TreeCensus | Error)[], boolean, number]>([
    ['is empty', [census([])], true, 0],
    ['empties', [census([1]), census([1]), census([])], true, 3],
    ['stays', [census([1])], false, 100],
    ['cannot be seen', [new Error('EMFILE')], false, 100],
    ['cannot be seen exactly', [census([], false)], false, 100],
  ])('R127 a tree that %s', async ([, looks, empty, atMs]) => {
    const clock = createVirtualClock();
    expect(await runOn(clock, emptiesWithin(clock, 'x', 100, fakeTree(looks)))).toBe(empty);
    expect(clock.now()).toBe(atMs);
    expect(clock.pending).toBe(0);
  });
});
