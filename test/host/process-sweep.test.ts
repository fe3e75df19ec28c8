import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sweepTree } from '../../src/host/process-sweep.ts';
import type { ProcessEntry } from '../../src/host/process-table.ts';
import type { ProcessTree, TreeCensus } from '../../src/host/process-tree.ts';
import { emptiesWithin, settlesWithin } from '../../src/host/process-wait.ts';
import { createVirtualClock, type VirtualClock } from '../../src/kernel/virtual-clock.ts';

const LEADER = 100;

function entry(pid: number, startTicks = 1): ProcessEntry {
  return {
    pid,
    startTicks,
    parent: 1,
    group: LEADER,
    session: LEADER,
    alive: true,
    stopped: false,
    residentPages: 1,
  };
}

const look = (pids: number[], exact = true): TreeCensus => ({
  members: pids.map((pid) => entry(pid)),
  exact,
});

/** A tree that shows one look after the other, the last one again and again; an error is thrown. */
function treeOf(looks: (TreeCensus | Error)[]): ProcessTree & { readonly kills: () => number } {
  let kills = 0;
  const next = (): TreeCensus => {
    const shown = looks[Math.min(kills++, looks.length - 1)]!;
    if (shown instanceof Error) throw shown;
    return shown;
  };
  return {
    leaderReaped: () => undefined,
    leaderLives: () => true,
    terminate: () => undefined,
    residentBytes: () => 0,
    census: next,
    kill: next,
    kills: () => kills,
  };
}

/** Steps the clock until the promise settles. */
async function run<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  const state = { settled: false };
  void promise.then(() => (state.settled = true));
  for (let steps = 0; steps < 1000; steps++) {
    await turn();
    if (state.settled) return promise;
    clock.step();
  }
  throw new Error('it does not end');
}

describe('sweeping a tree', () => {
  test.for<[string, (TreeCensus | Error)[], object, number]>([
    ['nobody is there', [look([])], { descendants: 0, survivors: 0 }, 1],
    ['the leader is there', [look([LEADER]), look([])], { descendants: 0, survivors: 0 }, 2],
    ['others come', [look([1]), look([1, 2]), look([3]), look([])], { descendants: 3, survivors: 0 }, 4],
    [
      'somebody may be missed',
      [look([], false), look([], false), look([])],
      { descendants: 0, survivors: 0 },
      3,
    ],
    ['a look fails', [new Error('EMFILE'), look([5]), look([])], { descendants: 1, survivors: 0 }, 3],
  ])('R129 if %s it goes on until an exact look finds nobody', async ([, looks, swept, kills]) => {
    const clock = createVirtualClock();
    const tree = treeOf(looks);
    expect(await run(clock, sweepTree(clock, tree, LEADER, 5000))).toEqual(swept);
    expect(tree.kills()).toBe(kills);
    expect(clock.pending).toBe(0);
  });

  test('R129 a reused pid counts as another process', async () => {
    const clock = createVirtualClock();
    const tree = treeOf([
      { members: [entry(7, 1)], exact: true },
      { members: [entry(7, 2)], exact: true },
      look([]),
    ]);
    expect(await run(clock, sweepTree(clock, tree, LEADER, 5000))).toMatchObject({ descendants: 2 });
  });

  test('R128 it ends at its bound and says who is left, after a number of looks that hardly grows', async () => {
    const clock = createVirtualClock();
    const tree = treeOf([look([1, 2])]);
    expect(await run(clock, sweepTree(clock, tree, LEADER, 5000))).toEqual({ descendants: 2, survivors: 2 });
    expect(clock.now()).toBe(5000);
    expect(tree.kills()).toBeLessThan(110);
    expect(clock.pending).toBe(0);
  });

  test('R128 blind to the end it says why', async () => {
    const clock = createVirtualClock();
    const error = new Error('EMFILE');
    expect(await run(clock, sweepTree(clock, treeOf([look([1]), error]), LEADER, 100))).toEqual({
      descendants: 1,
      survivors: 1,
      blind: error,
    });
    expect(clock.now()).toBe(100);
  });
});

describe('waiting with a bound', () => {
  test('R128 what settles in time leaves no timer', async () => {
    const clock = createVirtualClock();
    expect(await settlesWithin(clock, 'x', 10, Promise.resolve())).toBe(true);
    expect(await settlesWithin(clock, 'x', 10, Promise.reject(new Error('also settled')))).toBe(true);
    expect(clock.pending).toBe(0);
    expect(clock.now()).toBe(0);
  });

  test('R128 what does not is waited for exactly that long', async () => {
    const clock = createVirtualClock();
    const never = new Promise(() => {});
    expect(await run(clock, settlesWithin(clock, 'x', 10, never))).toBe(false);
    expect(clock.now()).toBe(10);
  });

  test.for<[string, (TreeCensus | Error)[], boolean, number]>([
    ['is empty', [look([])], true, 0],
    ['empties', [look([1]), look([1]), look([])], true, 3],
    ['stays', [look([1])], false, 100],
    ['cannot be seen', [new Error('EMFILE')], false, 100],
    ['cannot be seen exactly', [look([], false)], false, 100],
  ])('R127 a tree that %s', async ([, looks, empty, atMs]) => {
    const clock = createVirtualClock();
    expect(await run(clock, emptiesWithin(clock, 'x', 100, treeOf(looks)))).toBe(empty);
    expect(clock.now()).toBe(atMs);
    expect(clock.pending).toBe(0);
  });
});
