/** X7: the end of a wait on a store says which write ended it. */
import { expect, test } from 'vitest';
import { defineScenario, maskForState, type Simulation } from '../../../src/index.ts';
import { completeStatus, createStatusStore, runningStatus } from '../../../src/kit/index.ts';
import { createExecutor, explain } from '../../../src/explore/index.ts';

async function textsOf(run: (sim: Simulation) => void | Promise<void>): Promise<string[]> {
  const scenario = defineScenario({ name: 'waits', description: 'fails', run });
  const { history } = await explain(createExecutor(scenario), [], { linesMax: Infinity });
  return history.map(({ text }) => text);
}

test('a wait that a write ends names the write, of several that are made in one instant', async () => {
  const texts = await textsOf(async (sim) => {
    const store = createStatusStore({ clock: sim.world.clock, tracer: sim.world.tracer });
    const answer = store.query({ allRuns: true, states: maskForState('RUNNING') }, { timeoutMs: Infinity });
    const { runId } = store.newRun();
    store.update(runningStatus(runId, '', ''));
    store.update(completeStatus(runId, '', 0));
    await answer;
    sim.check(false, 'enough');
  });
  expect(texts).toContain('the wait on all runs for RUNNING of store ended, as run 0 became RUNNING');
});

test('a wait on a run that is evicted says so', async () => {
  const texts = await textsOf(async (sim) => {
    const store = createStatusStore({ clock: sim.world.clock, tracer: sim.world.tracer, capacity: 1 });
    const runs = [0, 1].map(() => store.newRun().runId);
    const answer = store.query({ runs, states: maskForState('RUNNING') }, { timeoutMs: Infinity });
    store.update(completeStatus(runs[0] ?? '', '', 0));
    store.newRun();
    await answer.catch(() => undefined);
    sim.check(false, 'enough');
  });
  expect(texts).toContainEqual(expect.stringMatching(/^the wait .* of store ended, as run 0 was forgotten$/));
});

test('a wait that is cancelled says so, whether it had a timeout or not', async () => {
  const texts = await textsOf(async (sim) => {
    const store = createStatusStore({ clock: sim.world.clock, tracer: sim.world.tracer });
    const { runId } = store.newRun();
    const stop = new AbortController();
    const answers = [maskForState('COMPLETE'), maskForState('FAILED')].map((states, at) =>
      store.query({ runs: [runId], states }, { timeoutMs: at === 0 ? Infinity : 50, signal: stop.signal }),
    );
    await sim.sleep(10, 'patience');
    stop.abort();
    await Promise.allSettled(answers);
    sim.check(false, 'enough');
  });
  expect(texts).toContain('the wait for COMPLETE of run 0 of store ended by its cancel');
  expect(texts).toContain('the wait for FAILED of run 0 of store ended by its cancel');
});

test('a wait that comes to its timeout names no write of that instant', async () => {
  const texts = await textsOf(async (sim) => {
    const store = createStatusStore({ clock: sim.world.clock, tracer: sim.world.tracer });
    const { runId } = store.newRun();
    const answer = store.query({ runs: [runId], states: maskForState('COMPLETE') }, { timeoutMs: 10 });
    await sim.sleep(10, 'a write');
    store.update(runningStatus(runId, '', ''));
    await answer;
    sim.check(false, 'enough');
  });
  expect(texts).toContain('the wait for COMPLETE of run 0 of store ended by its timeout');
});
