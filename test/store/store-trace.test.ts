import { describe, expect, test } from 'vitest';
import type { ActionResult } from '../../src/model/action.ts';
import { completeStatus, pendingStatus, runningStatus } from '../../src/model/run-status.ts';
import { HEALTHY_SERVICE_STATUS, serviceStatus } from '../../src/model/service-status.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { writeInRow } from '../../src/store/status-store.ts';
import { bareStatus, everyRun, KeptTrace, listed, StoreWorld } from './store-world.ts';

function traced(options: { capacity?: number } = {}): { world: StoreWorld; tracer: KeptTrace } {
  const tracer = new KeptTrace();
  return { world: new StoreWorld({ name: 'node7', tracer, ...options }), tracer };
}

describe('the trace of a store', () => {
  test('R56 has every accepted and dropped write, eviction and service change, with its time', async () => {
    const { world, tracer } = traced({ capacity: 1 });
    const { store } = world;
    const tags = { jobId: 'j', taskId: '', tag: '' };
    store.newRun(tags);
    await world.pass(5);
    store.update(runningStatus('0', 'out', ''));
    store.update(completeStatus('0', '', 3));
    const dropped = { ...bareStatus('0', 'ABORTED') };
    store.update(dropped);
    dropped.error = 'changed later';
    await world.pass(1);
    store.newRun();
    store.updateService(serviceStatus(true, true));
    const runner = 'node7';
    expect(tracer.events).toStrictEqual([
      { at: 0, type: 'status', runner, status: pendingStatus('0', tags) },
      { at: 5, type: 'status', runner, status: runningStatus('0', 'out', '', tags) },
      {
        at: 5,
        type: 'status',
        runner,
        status: { ...completeStatus('0', '', 3, tags), stdoutRef: 'out' },
      },
      { at: 5, type: 'dropped', runner, status: bareStatus('0', 'ABORTED') },
      { at: 6, type: 'status', runner, status: pendingStatus('1') },
      { at: 6, type: 'evicted', runner, runId: '0' },
      { at: 6, type: 'service', runner, service: serviceStatus(true, true) },
    ]);
  });

  test('R51 has a dropped write without the data that cannot be copied, and the write is dropped as without a trace', () => {
    const { world, tracer } = traced();
    const actionResult = { cached: false, print: () => '' } as unknown as ActionResult;
    for (const { store } of [world, new StoreWorld()]) {
      store.newRun(undefined, 'bazel');
      store.update(completeStatus('0', '', 0));
      expect(store.update({ ...completeStatus('0', '', 1), actionResult })).toBe('dropped');
    }
    expect(tracer.events.at(-1)).toStrictEqual({
      ...{ at: 0, type: 'dropped', runner: 'node7' },
      status: completeStatus('0', '', 1),
    });
  });

  test('shows when each waiter came and left, and its run if it waited on only one', async () => {
    const { world, tracer } = traced();
    world.newRuns(2);
    tracer.events.length = 0;
    world.wait('one', listed(['1', '1'], 'COMPLETE'), { timeoutMs: 10 });
    world.wait('two', listed(['0', '1'], 'COMPLETE'), { timeoutMs: 20 });
    world.wait('all', { ...everyRun('COMPLETE'), runs: ['1'] }, { timeoutMs: 30 });
    void world.store.awaitService(() => false, { timeoutMs: 40 });
    await world.pass(40);
    const resource = 'waiter';
    const runner = 'node7';
    const waiters = [
      { runId: '1', name: 'for COMPLETE_MASK' },
      { runId: '', name: 'wait on 2 runs from 0 for COMPLETE_MASK' },
      { runId: '', name: 'wait on all runs for COMPLETE_MASK' },
      { runId: '', name: 'wait on the service' },
    ];
    expect(tracer.events).toStrictEqual([
      ...waiters.map((waiter) => ({ at: 0, type: 'acquired', runner, resource, ...waiter })),
      ...waiters.map((waiter, n) => ({ at: 10 * (n + 1), type: 'freed', runner, resource, ...waiter })),
    ]);
  });

  test('has a write before the waiters that it wakes', () => {
    const { world, tracer } = traced();
    world.newRuns(1);
    void world.store.query(listed(['0'], 'RUNNING'), { timeoutMs: Infinity });
    world.write('0', 'RUNNING');
    expect(tracer.events.map(({ type }) => type)).toEqual(['status', 'acquired', 'status', 'freed']);
  });

  test('a query that does not wait leaves nothing in it', async () => {
    const { world, tracer } = traced();
    await world.store.queryNow(everyRun());
    await world.store.query(listed([]), { timeoutMs: 5 });
    expect(tracer.events).toEqual([]);
  });
});

describe('a listener of the trace that uses the store at once', () => {
  /** A store whose tracer calls `on` with the first event that `picks`. */
  function listened(
    picks: (event: TraceEvent) => boolean,
    on: (world: StoreWorld) => void,
    options: { capacity?: number } = {},
  ): { world: StoreWorld; listen: () => void } {
    let listens = false;
    const tracer = {
      record(event: TraceEvent): void {
        if (!listens || !picks(event)) return;
        listens = false;
        on(world);
      },
    };
    const world = new StoreWorld({ tracer, ...options });
    return { world, listen: () => void (listens = true) };
  }

  const isFreed = ({ type }: TraceEvent): boolean => type === 'freed';

  test('R54 when a waiter leaves ends no other that the same write ends', async () => {
    const { world, listen } = listened(isFreed, ({ store }) => store.newRun());
    const [run = ''] = world.newRuns(1);
    world.write(run, 'RUNNING');
    world.wait('a', everyRun('PENDING', 'COMPLETE'));
    world.wait('b', everyRun('PENDING', 'COMPLETE'));
    listen();
    world.write(run, 'COMPLETE');
    expect(await world.news()).toEqual(['0 a 0 COMPLETE', '0 b 0 COMPLETE']);
    expect(await world.runs()).toBe('0 COMPLETE, 1 PENDING');
  });

  test('R54 when the only waiter leaves does not end it again', async () => {
    const { world, listen } = listened(isFreed, ({ store }) => store.update(bareStatus('0', 'COMPLETE')));
    const [run = ''] = world.newRuns(1);
    world.wait('a', listed([run], 'RUNNING', 'COMPLETE'));
    listen();
    world.write(run, 'RUNNING');
    expect(await world.news()).toEqual(['0 a 0 RUNNING']);
    expect(world.store.waiterCount).toBe(0);
  });

  test('R54 when the row of a run ends meets no wait that the end of the row meets', async () => {
    const { world, listen } = listened(
      () => true,
      ({ store }) => store.newRun(),
    );
    const [run = ''] = world.newRuns(1);
    world.write(run, 'RUNNING');
    world.wait('a', everyRun('PENDING', 'COMPLETE'));
    listen();
    writeInRow(world.store, completeStatus(run, '', 0), 'dir');
    expect(await world.news()).toEqual(['0 a 0 COMPLETE']);
    expect(await world.runs()).toBe('0 COMPLETE, 1 PENDING');
  });

  test('R31 R55 when a wait reaches its deadline does not meet it', async () => {
    const { world, listen } = listened(isFreed, ({ store }) => store.newRun());
    const [run = ''] = world.newRuns(1);
    world.write(run, 'RUNNING');
    world.wait('a', everyRun('PENDING'), { timeoutMs: 5 });
    listen();
    await world.pass(5);
    expect(await world.news()).toEqual(['5 a nothing']);
    expect(world.store.waiterCount).toBe(0);
  });

  test('R31 when a wait begins meets that wait', async () => {
    const { world, listen } = listened(
      ({ type }) => type === 'acquired',
      ({ store }) => {
        store.newRun();
        store.updateService(HEALTHY_SERVICE_STATUS);
      },
    );
    const [run = ''] = world.newRuns(1);
    world.write(run, 'RUNNING');
    listen();
    world.wait('a', everyRun('PENDING'), { timeoutMs: 100 });
    listen();
    world.note(
      'b',
      world.store.awaitService(({ isHealthy }) => isHealthy, { timeoutMs: 100 }),
      (service) => JSON.stringify(service?.isHealthy),
    );
    await world.pass(200);
    expect(await world.news()).toEqual(['0 a 1 PENDING', '0 b true']);
  });

  test('R31 R36 when a run starts leaves each wait the write that it waits for', async () => {
    const { world, listen } = listened(
      (event) => event.type === 'status' && event.status.state === 'RUNNING',
      ({ store }) => store.update(bareStatus('0', 'COMPLETE')),
    );
    const runs = world.newRuns(2);
    world.wait('running', listed(runs, 'RUNNING'));
    world.wait('complete', listed(runs, 'COMPLETE'));
    world.wait('failed', listed(runs, 'FAILED'));
    listen();
    world.write('0', 'RUNNING');
    expect((await world.news()).sort()).toEqual(['0 complete 0 COMPLETE', '0 running 0 RUNNING']);
    world.write('1', 'FAILED');
    expect(await world.news()).toEqual(['0 failed 1 FAILED']);
  });

  test.for([
    ['the run is evicted', ({ type }: TraceEvent) => type === 'evicted'],
    ['a waiter leaves', isFreed],
  ] as const)('R49 when %s ends no wait on the evicted run in another way', async ([, picks]) => {
    const { world, listen } = listened(picks, ({ store }) => store.update(bareStatus('1', 'FAILED')), {
      capacity: 2,
    });
    const runs = world.newRuns(2);
    world.write('0', 'COMPLETE');
    world.wait('a', listed(runs, 'FAILED'));
    world.wait('b', listed(runs, 'FAILED'));
    listen();
    world.newRuns(1);
    expect(await world.news()).toEqual(['0 a RUNNER_UNKNOWN_RUN', '0 b RUNNER_UNKNOWN_RUN']);
  });

  test('R46 when a run is made does not change the status that its creation gives', () => {
    const { world, listen } = listened(
      ({ type }) => type === 'status',
      ({ store }) => store.update(bareStatus('0', 'ABORTED')),
    );
    listen();
    expect(world.store.newRun().state).toBe('PENDING');
    expect(world.store.currentStatus('0').state).toBe('ABORTED');
  });
});
