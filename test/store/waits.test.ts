import { describe, expect, test } from 'vitest';
import { isTerminal, RUN_STATES } from '../../src/model/run-state.ts';
import { runningStatus } from '../../src/model/run-status.ts';
import { serviceStatus } from '../../src/model/service-status.ts';
import { maskForState } from '../../src/model/state-mask.ts';
import { finalStatus, waitForState } from '../../src/model/status-lookup.ts';
import { rejectionOf } from '../model/thrown.ts';
import { bareStatus, everyRun, listed, StoreWorld } from './store-world.ts';

describe('a wait that is met', () => {
  test('R31 ends with the first later write that matches, and with that one alone, as written', async () => {
    const world = new StoreWorld();
    world.newRuns(2);
    const answer = world.store.query(everyRun('RUNNING', 'COMPLETE'), { timeoutMs: 1000 });
    await world.pass(5);
    world.write('1', 'RUNNING', { stdoutRef: 'first' });
    world.store.updateService(serviceStatus(true, true));
    world.write('1', 'COMPLETE', { exitCode: 3 });
    world.write('0', 'RUNNING');
    expect(await answer).toStrictEqual({
      statuses: [runningStatus('1', 'first', '')],
      service: serviceStatus(false, false),
    });
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R38 D18 the service status is that of the write', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    const answer = world.store.query(listed(['0'], 'RUNNING'), { timeoutMs: Infinity });
    world.store.updateService(serviceStatus(true, true));
    world.write('0', 'RUNNING');
    world.store.updateService(serviceStatus(true, false, 'late'));
    expect((await answer).service).toStrictEqual(serviceStatus(true, true));
  });

  test('R41 finalStatus ends with each terminal state, waitForState with its own', async () => {
    for (const end of RUN_STATES.filter(isTerminal)) {
      const world = new StoreWorld();
      world.newRuns(1);
      const state = ({ status }: { status: { state: string } }): string => status.state;
      world.note('final', finalStatus(world.store, '0'), state);
      world.note('running', waitForState(world.store, '0', 'RUNNING'), state);
      world.write('0', 'RUNNING');
      expect(await world.news()).toEqual(['0 running RUNNING']);
      world.write('0', end);
      expect(await world.news()).toEqual([`0 final ${end}`]);
    }
  });

  test('R46 D14 by a new run wakes those who wait for PENDING', async () => {
    const world = new StoreWorld();
    world.wait('pending', everyRun('PENDING'), { timeoutMs: 1000 });
    world.wait('any', everyRun());
    world.wait('running', everyRun('RUNNING'));
    await world.pass(3);
    world.store.newRun();
    expect(await world.news()).toEqual(['3 pending 0 PENDING', '3 any 0 PENDING']);
    expect(world.store.waiterCount).toBe(1);
  });

  test('R54 wakes each matching waiter once, in order of registration across runs and masks; others wait on', async () => {
    const world = new StoreWorld();
    world.newRuns(2);
    world.wait('a: all done', everyRun('COMPLETE', 'FAILED'));
    world.wait('b: run 0', listed(['0'], 'COMPLETE'));
    world.wait('c: other run', listed(['1'], 'COMPLETE'));
    world.wait('d: both', listed(['1', '0'], 'COMPLETE', 'FAILED'));
    world.wait('e: other state', everyRun('RUNNING'));
    world.wait('f: all', everyRun('COMPLETE'));
    world.wait('g: union', { ...everyRun('COMPLETE'), runs: ['0', '1'] });
    world.wait('h: run 0', listed(['0'], 'COMPLETE'));
    world.write('0', 'COMPLETE');
    expect(await world.news()).toEqual(
      ['a: all done', 'b: run 0', 'd: both', 'f: all', 'g: union', 'h: run 0'].map(
        (n) => `0 ${n} 0 COMPLETE`,
      ),
    );
    expect(world.store.waiterCount).toBe(2);
    world.write('1', 'RUNNING');
    expect(await world.news()).toEqual(['0 e: other state 1 RUNNING']);
    world.write('1', 'COMPLETE');
    expect(await world.news()).toEqual(['0 c: other run 1 COMPLETE']);
    expect(world.store.waiterCount).toBe(0);
  });

  test('R54 a waiter that left in the middle, at the front or at the end of a list affects no other', async () => {
    for (const gone of [0, 1, 2]) {
      const world = new StoreWorld();
      world.newRuns(1);
      const stops = [0, 1, 2].map(() => new AbortController());
      for (const [n, { signal }] of stops.entries()) {
        world.wait(`w${n}`, listed(['0'], 'COMPLETE'), { timeoutMs: Infinity, signal });
      }
      stops[gone]!.abort();
      await world.pass(0);
      expect(await world.news()).toEqual([`0 w${gone} RUNNER_WAIT_CANCELLED`]);
      world.wait('w3', listed(['0'], 'COMPLETE'));
      world.write('0', 'COMPLETE');
      const left = [0, 1, 2, 3].filter((n) => n !== gone);
      expect(await world.news()).toEqual(left.map((n) => `0 w${n} 0 COMPLETE`));
    }
  });

  test('R54 lists of several masks come and go without losing each other', async () => {
    for (const gone of ['RUNNING', 'COMPLETE', 'FAILED'] as const) {
      const world = new StoreWorld();
      world.newRuns(1);
      const states = ['RUNNING', 'COMPLETE', 'FAILED'] as const;
      const stop = new AbortController();
      for (const state of states) {
        const signal = state === gone ? { signal: stop.signal } : {};
        world.wait(state, listed(['0'], state, 'ABORTED'), { timeoutMs: Infinity, ...signal });
      }
      stop.abort();
      await world.pass(0);
      await world.news();
      world.write('0', 'ABORTED');
      expect(await world.news()).toEqual(states.filter((s) => s !== gone).map((s) => `0 ${s} 0 ABORTED`));
      expect(world.store.waiterCount).toBe(0);
    }
  });

  test('a query that is changed while it waits keeps its meaning', async () => {
    const world = new StoreWorld();
    world.newRuns(2);
    const query = { runs: ['0'], allRuns: false, states: maskForState('COMPLETE') };
    world.wait('waiter', query);
    query.runs[0] = '1';
    query.allRuns = true;
    query.states = maskForState('RUNNING');
    world.write('1', 'RUNNING');
    world.write('0', 'RUNNING');
    expect(await world.news()).toEqual([]);
    world.write('0', 'COMPLETE');
    expect(await world.news()).toEqual(['0 waiter 0 COMPLETE']);
  });
});

describe('a wait that is not met in time', () => {
  test('R31 ends at its deadline with an empty list, no error and the service status of then', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    const answer = world.store.query(listed(['0'], 'COMPLETE'), { timeoutMs: 20 });
    world.note('one', answer, ({ statuses, service }) => `${statuses.length} ${service.error}`);
    world.wait('all', everyRun('COMPLETE'), { timeoutMs: 30.5 });
    await world.pass(19.999);
    world.store.updateService(serviceStatus(true, true, 'noted'));
    await world.pass(100);
    expect(await world.news()).toEqual(['20 one 0 noted', '30.5 all nothing']);
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R32 for ever sets no timer and never ends by itself', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    world.wait('for ever', listed(['0'], 'COMPLETE'), { timeoutMs: Infinity });
    expect(world.clock.pending).toBe(0);
    await world.pass(1e12);
    expect(await world.news()).toEqual([]);
    world.write('0', 'COMPLETE');
    expect(await world.news()).toEqual(['1000000000000 for ever 0 COMPLETE']);
  });

  test('R35 D17 a match at the same instant wins over the deadline, in any order of creation', async () => {
    const world = new StoreWorld();
    world.newRuns(2);
    world.clock.timer('before', 10, () => world.write('0', 'RUNNING'));
    world.wait('first', listed(['0'], 'RUNNING'), { timeoutMs: 10 });
    world.wait('second', listed(['1'], 'RUNNING'), { timeoutMs: 10 });
    world.wait('third', listed(['1'], 'COMPLETE'), { timeoutMs: 10 });
    world.clock.timer('after', 10, () => {
      world.clock.post('later still', () => world.write('1', 'RUNNING'));
    });
    await world.pass(10);
    expect(await world.news()).toEqual(['10 first 0 RUNNING', '10 second 1 RUNNING', '10 third nothing']);
  });

  test('the timer of a wait is named after the store and the runs', () => {
    const world = new StoreWorld({ name: 'node7' });
    world.newRuns(3);
    world.wait('one', listed(['1', '1'], 'COMPLETE'), { timeoutMs: 1 });
    world.wait('two', listed(['1', '2'], 'COMPLETE'), { timeoutMs: 2 });
    world.wait('all', { ...everyRun('COMPLETE'), runs: ['1'] }, { timeoutMs: 3 });
    void world.store.awaitService(() => false, { timeoutMs: 4 });
    expect(world.clock.pendingLabels()).toEqual([
      'node7 wait on run 1',
      'node7 wait on 2 runs from 1',
      'node7 wait on all runs',
      'node7 wait on the service',
    ]);
    const unnamed = new StoreWorld();
    unnamed.newRuns(1);
    unnamed.wait('one', listed(['0'], 'COMPLETE'), { timeoutMs: 1 });
    expect(unnamed.clock.pendingLabels()).toEqual(['store wait on run 0']);
  });

  test('a clock that refuses a timer leaves nobody waiting', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    world.clock.endOfInstant = () => {
      throw new Error('no more time');
    };
    world.wait('run', listed(['0'], 'COMPLETE'), { timeoutMs: 1 });
    world.note(
      'service',
      world.store.awaitService(() => false, { timeoutMs: 1 }),
    );
    expect((await world.news()).sort()).toEqual(['0 run no more time', '0 service no more time']);
    expect(world.store.waiterCount).toBe(0);
    world.write('0', 'COMPLETE');
    world.store.updateService(serviceStatus(true, true));
    expect(world.store.waitersVisited).toBe(0);
  });
});

describe('a wait that is cancelled', () => {
  test('R34 D16 ends with its own outcome and invents no status', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    world.write('0', 'RUNNING');
    const stop = new AbortController();
    const wait = world.store.query(listed(['0'], 'COMPLETE'), { timeoutMs: 50, signal: stop.signal });
    const rejection = wait.then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );
    await world.pass(7);
    const reason = new Error('enough');
    stop.abort(reason);
    await world.pass(0);
    expect(await rejection).toMatchObject({ code: 'RUNNER_WAIT_CANCELLED', cause: reason });
    expect(world.clock.now()).toBe(7);
    expect(await world.runs()).toBe('0 RUNNING');
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R34 ends too if its signal was aborted before it began, and if it has no limit', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    const stop = new AbortController();
    const { signal } = stop;
    world.wait('for ever', listed(['0'], 'COMPLETE'), { timeoutMs: Infinity, signal });
    stop.abort();
    world.wait('late', listed(['0'], 'COMPLETE'), { timeoutMs: Infinity, signal });
    world.wait('late, limited', everyRun('COMPLETE'), { timeoutMs: 9, signal });
    await world.pass(0);
    expect(await world.news()).toEqual([
      '0 for ever RUNNER_WAIT_CANCELLED',
      '0 late RUNNER_WAIT_CANCELLED',
      '0 late, limited RUNNER_WAIT_CANCELLED',
    ]);
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R35 a match at the same instant wins over the cancel', async () => {
    const world = new StoreWorld();
    world.newRuns(2);
    const stop = new AbortController();
    const { signal } = stop;
    world.wait('met', listed(['0'], 'RUNNING'), { timeoutMs: 100, signal });
    world.wait('cancelled', listed(['1'], 'RUNNING'), { timeoutMs: 100, signal });
    world.clock.timer('cancel', 10, () => stop.abort());
    world.clock.timer('write', 10, () => world.write('0', 'RUNNING'));
    world.clock.timer('too late', 10.001, () => world.write('1', 'RUNNING'));
    await world.pass(10.001);
    expect(await world.news()).toEqual(['10 met 0 RUNNING', '10 cancelled RUNNER_WAIT_CANCELLED']);
  });

  test('a cancel at the instant of the deadline is a cancel', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    const stop = new AbortController();
    world.wait('waiter', listed(['0'], 'RUNNING'), { timeoutMs: 10, signal: stop.signal });
    world.clock.timer('cancel', 10, () => stop.abort());
    await world.pass(20);
    expect(await world.news()).toEqual(['10 waiter RUNNER_WAIT_CANCELLED']);
  });

  test('R34 D16 the read functions pass the signal on', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    const stop = new AbortController();
    world.note('final', finalStatus(world.store, '0', stop.signal));
    world.note('running', waitForState(world.store, '0', 'RUNNING', stop.signal));
    stop.abort();
    await world.pass(0);
    expect((await world.news()).sort()).toEqual([
      '0 final RUNNER_WAIT_CANCELLED',
      '0 running RUNNER_WAIT_CANCELLED',
    ]);
  });
});

describe('a wait that cannot be met', () => {
  test('R36 D4 ends at once if the run is terminal in another state already', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    world.write('0', 'COMPLETE');
    expect(await rejectionOf(waitForState(world.store, '0', 'RUNNING'))).toBe(
      'RUNNER_CANNOT_HAPPEN: RUNNING_MASK cannot happen any more: run 0 is terminal in another state',
    );
    expect(await rejectionOf(world.store.query(listed(['0', '0'], 'FAILED'), { timeoutMs: 5 }))).toBe(
      'RUNNER_CANNOT_HAPPEN: FAILED_MASK cannot happen any more: run 0 is terminal in another state',
    );
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R36 D4 ends with the write that makes it impossible, when the last listed run is terminal in another state', async () => {
    const world = new StoreWorld();
    world.newRuns(4);
    world.write('3', 'ABORTED');
    const query = listed(['0', '3', '1', '0', '2'], 'FAILED', 'RUNNING');
    const doomed = world.store.query(query, { timeoutMs: 90 });
    world.note('doomed', doomed);
    world.wait('one', listed(['1'], 'FAILED'));
    world.write('0', 'COMPLETE');
    await world.pass(1);
    world.write('1', 'TIMEDOUT');
    expect(await world.news()).toEqual(['1 one RUNNER_CANNOT_HAPPEN']);
    await world.pass(1);
    world.write('2', 'UNKNOWN');
    expect(await rejectionOf(doomed)).toBe(
      'RUNNER_CANNOT_HAPPEN: RUNNING|FAILED cannot happen any more: all 4 runs are terminal in another state',
    );
    expect(await world.news()).toEqual(['2 doomed RUNNER_CANNOT_HAPPEN']);
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R36 goes on while one listed run is live, even if its states were passed', async () => {
    const world = new StoreWorld();
    world.newRuns(2);
    world.write('0', 'COMPLETE');
    world.write('1', 'RUNNING');
    world.wait('pending', listed(['0', '1'], 'PENDING'));
    world.write('1', 'RUNNING');
    expect(await world.news()).toEqual([]);
    world.write('1', 'FAILED');
    expect(await world.news()).toEqual(['0 pending RUNNER_CANNOT_HAPPEN']);
  });

  test('R36 on all runs can always be met by a new one, even if it lists ids', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    world.wait('all', everyRun('FAILED'));
    world.wait('union', { ...everyRun('FAILED'), runs: ['0'] });
    world.write('0', 'COMPLETE');
    world.wait('after', { ...everyRun('FAILED'), runs: ['0'] });
    expect(await world.news()).toEqual([]);
    world.newRuns(1);
    world.write('1', 'FAILED');
    expect(await world.news()).toEqual(['0 all 1 FAILED', '0 union 1 FAILED', '0 after 1 FAILED']);
  });

  test('R36 R54 and waits that the same write meets end in order of registration', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    world.wait('a', listed(['0'], 'FAILED'));
    world.wait('b', listed(['0'], 'COMPLETE'));
    world.wait('c', listed(['0'], 'RUNNING'));
    world.wait('d', everyRun('COMPLETE'));
    world.write('0', 'COMPLETE');
    expect(await world.news()).toEqual([
      '0 a RUNNER_CANNOT_HAPPEN',
      '0 b 0 COMPLETE',
      '0 c RUNNER_CANNOT_HAPPEN',
      '0 d 0 COMPLETE',
    ]);
  });

  test('R36 is noticed before the signal of the wait is checked', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    world.write('0', 'COMPLETE');
    const stop = new AbortController();
    stop.abort();
    world.wait('waiter', listed(['0'], 'FAILED'), { timeoutMs: 5, signal: stop.signal });
    expect(await world.news()).toEqual(['0 waiter RUNNER_CANNOT_HAPPEN']);
  });
});

describe('leaving', () => {
  test('R55 D10 after all waits have ended the count is what it was, and no timer or listener is left', async () => {
    const world = new StoreWorld();
    world.newRuns(3);
    const stop = new AbortController();
    const listeners = { added: 0, removed: 0 };
    const { signal } = stop;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners.added += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners.removed += 1;
      remove(...args);
    };
    for (let round = 0; round < 100; round += 1) {
      world.wait('timed out', listed(['0'], 'COMPLETE'), { timeoutMs: 1, signal });
      world.wait('matched', listed(['1', '2'], 'RUNNING'), { timeoutMs: 50, signal });
      world.write('1', 'RUNNING', { stdoutRef: String(round) });
      world.store.newRun();
      await world.pass(1);
      world.wait('cannot', listed(['2'], 'RUNNING'), { timeoutMs: 1 });
      await world.pass(1);
    }
    expect(world.store.waiterCount).toBe(0);
    world.wait('cancelled', everyRun('FAILED'), { timeoutMs: 50, signal });
    expect(world.store.waiterCount).toBe(1);
    stop.abort();
    await world.pass(0);
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
    // The waits of a round share one listener.
    expect(listeners.added).toBe(101);
    expect(listeners.removed).toBe(listeners.added);
    expect(world.store.waitersVisited).toBe(1);
  });

  test('R51 R55 a write that is dropped looks at no waiter', () => {
    const world = new StoreWorld();
    world.newRuns(2);
    world.store.update(bareStatus('0', 'COMPLETE'));
    world.wait('both', listed(['0', '1'], 'FAILED'));
    expect(world.write('0', 'FAILED')).toBe('dropped');
    expect(world.store.waitersVisited).toBe(0);
  });
});
