import { describe, expect, test } from 'vitest';
import type { ActionResult } from '../../src/model/action.ts';
import { completeStatus, pendingStatus, runningStatus } from '../../src/model/run-status.ts';
import { serviceStatus } from '../../src/model/service-status.ts';
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
