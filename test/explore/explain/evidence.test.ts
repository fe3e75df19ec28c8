/** X2, X3, X4, X7: what a history keeps, what a cause says, and what is known of a scenario that stands still. */
import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain, type Explanation } from '../../../src/explore/explain/explanation.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import { serviceStatus } from '../../../src/model/service-status.ts';
import { completeStatus } from '../../../src/model/run-status.ts';
import { DONE_MASK } from '../../../src/model/state-mask.ts';
import { finalStatus, waitForState } from '../../../src/model/status-lookup.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { createStatusStore } from '../../../src/store/status-store.ts';
import { historyOf } from '../../../src/explore/explain/failure-history.ts';
import { observe } from '../../../src/explore/explain/observed-run.ts';
import { RunIndex } from '../../../src/explore/explain/run-index.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { createMutex, createNetwork } from '../../../src/cluster/index.ts';
import { choice, delay, order as orderOf } from '../../questions.ts';

async function explained(
  run: (sim: Simulation) => Promise<void> | void,
  log: Parameters<typeof explain>[1] = [],
): Promise<Explanation> {
  const scenario = defineScenario<unknown>({ name: 'evident', description: 'shows why it fails', run });
  return explain(createExecutor(scenario), log);
}

/** So much is shown that lines which say nothing are not needed to fill up. */
function talk(sim: Simulation): void {
  for (let line = 0; line < 6; line += 1) sim.note(`line ${line}`);
}

const textsOf = ({ history }: Explanation): string[] => history.map(({ text }) => text);

test('an unnamed release, and the first status of a run that nobody accepted, are kept', async () => {
  const explanation = await explained(async (sim) => {
    const store = createStatusStore({ ...sim.world, name: 'store' });
    const worker = createSimulatedRunner(sim.world, { name: 'worker' });
    store.newRun({ jobId: '', taskId: '', tag: '' });
    await worker.release();
    talk(sim);
    for (let turn = 0; turn < 20; turn += 1) await sim.sleep(1);
    sim.check(false, 'run 0 was lost');
  });
  expect(textsOf(explanation)).toEqual(
    expect.arrayContaining(['run 0 of store became PENDING', 'worker was released']),
  );
});

test.for([
  ['of no run', {}, ['process #0 of runner started', 'child 1 of process #0 of runner started']],
  ['of a run', { runId: '7' }, ['child 1 of the process of run 7 of runner started']],
] as const)(
  'the children of a process %s are shown by their start, and no name appears twice',
  async ([, run, expected]) => {
    const explanation = await explained(async (sim) => {
      const execer = createSimExecer({ ...sim.world });
      const argv = ['fork', 'orphan', 'sleep 20', 'complete 5'];
      const process = execer.exec({ argv, dir: '/', jobId: '', taskId: '', tag: '', ...run });
      talk(sim);
      for (let turn = 0; turn < 15; turn += 1) await sim.sleep(1);
      sim.check(execer.livingProcesses === 0, 'processes are alive');
      await process.wait();
    });
    expect(textsOf(explanation)).toEqual(expect.arrayContaining([...expected]));
  },
);

test('an event that fires again and again does not fill a history', async () => {
  const explanation = await explained(async (sim) => {
    sim.note('the evidence');
    for (const name of ['ant', 'bee']) await sim.sleep(1, name);
    for (let turn = 0; turn < 40; turn += 1) await sim.sleep(1, 'heartbeat');
    sim.check(false, 'too late');
  });
  const texts = textsOf(explanation);
  expect(texts).toEqual(expect.arrayContaining(['note: the evidence', '"ant" fires', '"bee" fires']));
  expect(texts.filter((text) => text.includes('heartbeat')).length).toBeLessThanOrEqual(3);
});

test('a cause that says nothing is not given', async () => {
  const scenario = defineScenario<unknown>({
    name: 'drowsy',
    description: 'sleeps before it fails',
    async run(sim) {
      await sim.sleep(1);
      await sim.sleep(1);
      sim.note('at last');
      sim.check(false, 'it failed');
    },
  });
  // Without places nobody knows which sleep it was.
  const run = await observe(createExecutor(scenario), [], false);
  const { lines } = historyOf(new RunIndex(run), run.verdict.failure!, 12);
  expect(lines.find(({ text }) => text === 'note: at last')).not.toHaveProperty('because');
});

test('a sleep without a name is named by the line that slept', async () => {
  const { sentence } = await explained(
    async (sim) => {
      const order: string[] = [];
      const napper = async (): Promise<void> => {
        await sim.sleep(5);
        order.push('napper');
      };
      await Promise.all([sim.sleep(5, 'clock').then(() => order.push('clock')), napper()]);
      sim.check(order[0] === 'clock', 'the napper was first');
    },
    [{ question: orderOf('clock'), n: 2, answer: 1 }],
  );
  expect(sentence).toMatch(
    /when the sleep set in napper \(evidence\.test\.ts:\d+\) comes before "clock", due at the same time\.$/,
  );
});

test('R211 X4 for a bare promise, the last lines that ran and what was due together are shown', async () => {
  const { details, sentence } = await explained(async (sim) => {
    const never = new Promise<void>(() => {});
    const waitForLock = async (name: string): Promise<void> => {
      await sim.sleep(5, `${name} asks for the lock`);
      await never;
    };
    await Promise.all(['ant', 'bee'].map(waitForLock));
  });
  expect(sentence).toContain('the scenario awaits a promise that nothing is left to settle');
  const texts = details.map(({ text }) => text);
  expect(texts).toContain(
    'due together at 5 ms: first "ant asks for the lock", then "bee asks for the lock" fired',
  );
  const steps = details.filter(({ text }) => text.includes('fired at 5 ms'));
  expect(steps.map(({ text }) => text)).toEqual([
    '"ant asks for the lock" fired at 5 ms',
    '"bee asks for the lock" fired at 5 ms',
  ]);
  for (const { frames } of steps) expect(frames[0]).toMatch(/^waitForLock \(.*evidence\.test\.ts:\d+:\d+\)$/);
});

test.for([
  [0, 'first "the cancel", then the sleep of process 0 fired'],
  [1, 'first the sleep of process 0, then "the cancel" fired'],
] as const)(
  'R211 X4 a deadlock after a cancel and the end of a run at one instant says that they were due together, answer %i',
  async ([answer, inOrder]) => {
    const run = async (sim: Simulation): Promise<void> => {
      const worker = createSimulatedRunner(sim.world, { name: 'worker' });
      const { runId } = await worker.run({ argv: ['sleep 10'] });
      await sim.sleep(10, 'the cancel');
      await worker.abort(runId);
      await new Promise<void>(() => {});
    };
    const { details } = await explained(run, [{ question: orderOf('the cancel'), n: 2, answer }]);
    expect(details.map(({ text }) => text)).toContain(`due together at 10 ms: ${inOrder}`);
  },
);

test('R211 X4 the sentence names who waits before what is merely held', async () => {
  const { sentence, details } = await explained(async (sim) => {
    const uploader = { cancelBoundMs: Infinity, upload: () => new Promise<never>(() => {}) };
    const worker = createSimulatedRunner(sim.world, { name: 'worker', uploader });
    const { runId } = await worker.run({ argv: ['complete 0'] });
    await sim.sleep(1);
    await finalStatus(worker, runId);
  });
  expect(details[0]?.text).toMatch(/^the wait for .* of run 0 on worker, since 1 ms$/);
  expect(details[0]?.frames[0]).toContain('evidence.test.ts');
  expect(sentence).toContain(`such as ${details[0]?.text}`);
});

test('X7 what happens in only one of two executions is not said to be all that happens', async () => {
  const { nearestPass } = await explained(
    (sim) => {
      const isSaid = sim.choose('says it', 2) === 1;
      if (isSaid) sim.note('it');
      sim.check(!isSaid, 'it was said');
    },
    [{ question: choice('says it'), n: 2, answer: 1 }],
  );
  expect(nearestPass?.difference).toBe(
    'In the failing execution: 0 ms: note: it. In the passing execution: that does not happen.',
  );
});

test('X7 two events of which neither takes the place of the other are not compared', async () => {
  const { nearestPass } = await explained(
    async (sim) => {
      const isEarly = sim.choose('the guard comes early', 2) === 1;
      if (isEarly) sim.note('the guard comes');
      sim.note('somebody opens the door');
      await sim.sleep(10, 'the night');
      sim.check(!isEarly, 'the door was watched');
    },
    [{ question: choice('the guard comes early'), n: 2, answer: 1 }],
  );
  expect(nearestPass?.difference).toBe(
    'In the failing execution: 0 ms: note: the guard comes. In the passing execution: that does not happen.',
  );
});

test('X7 an event that only repeats what was chosen is no difference', async () => {
  const exits = ['good', 'bad'];
  const { nearestPass } = await explained(
    (sim) => {
      const end = exits[sim.choose('the exit', 2, (answer) => exits[answer])];
      sim.note(`the door is ${end}`);
      sim.check(end === 'good', 'the exit was wrong');
    },
    [{ question: choice('the exit'), n: 2, answer: 1 }],
  );
  expect(nearestPass).toMatchObject({ changes: 1 });
  expect(nearestPass).not.toHaveProperty('difference');
  const waiting = await explained(
    async (sim) => {
      const store = createStatusStore({ clock: sim.world.clock, tracer: sim.world.tracer });
      const { runId } = store.newRun();
      const timeoutMs = sim.choose('the timeout', 2, (answer) => answer * 10) * 10;
      await store.query({ runs: [runId], states: DONE_MASK }, { timeoutMs });
      sim.check(timeoutMs === 0, 'it was not answered');
    },
    [{ question: choice('the timeout'), n: 2, answer: 1 }],
  );
  expect(waiting.nearestPass).toMatchObject({ changes: 1 });
  expect(waiting.nearestPass).not.toHaveProperty('difference');
});

test('X7 of a standstill that waits for a run, the end of the run behind it is kept', async () => {
  const { history } = await explained(async (sim) => {
    const [client, worker] = ['client', 'worker'].map((name) => createStatusStore({ ...sim.world, name }));
    const wanted = client?.newRun().runId ?? '';
    const behind = worker?.newRun().runId ?? '';
    worker?.update(completeStatus(behind, '', 0));
    for (let left = 15; left > 0; left -= 1) {
      await sim.sleep(1);
      worker?.updateService(serviceStatus(true, false, `it misses ${'x'.repeat(left)}`));
    }
    await client?.query({ runs: [wanted], states: DONE_MASK }, { timeoutMs: Infinity });
  });
  expect(history.map(({ text }) => text)).toContain('run 0 of worker became COMPLETE with exit code 0');
});

test('lines are not left out if saying so would take as much room', async () => {
  const { history, leftOut } = await explained(async (sim) => {
    const runner = createSimulatedRunner(sim.world, { name: 'worker' });
    for (let left = 2; left > 0; left -= 1) {
      const { runId } = await runner.run({ argv: ['complete 0'] });
      await finalStatus(runner, runId);
    }
    sim.check(false, 'enough');
  });
  expect([leftOut === 0 || leftOut > 3, history.length <= 12]).toEqual([true, true]);
  const small = await explained(async (sim) => {
    const store = createStatusStore({ clock: sim.world.clock, tracer: sim.world.tracer });
    const { runId } = store.newRun();
    const waits = [10, 11, 12, 13, 14].map((timeoutMs) =>
      store.query({ runs: [runId], states: DONE_MASK }, { timeoutMs }),
    );
    await Promise.all(waits);
    sim.check(false, 'it was not answered');
  });
  expect([small.leftOut, small.history.length]).toEqual([0, 8]);
  expect(textsOf(small)).toEqual(
    expect.arrayContaining([
      'the wait for the end of run 0 of store began (5 times)',
      'the wait for the end of run 0 of store ended by its timeout',
    ]),
  );
});

test('of many retries for one reason the first and the last are shown, with the count', async () => {
  const { history } = await explained(async (sim) => {
    const { clock, tracer } = sim.world;
    const retry = { type: 'recorded', runner: 'lane', runId: '0', what: 'action', exitCode: 0 } as const;
    for (let pauseMs = 1; pauseMs < 100; pauseMs *= 2) {
      tracer.record({ ...retry, at: clock.now(), error: 'it is busy', isRepeated: true });
      await sim.sleep(pauseMs, `pause of ${pauseMs} ms`);
    }
    for (const what of ['a', 'b', 'c', 'd', 'e']) sim.note(`${what} happens once`);
    sim.check(false, 'run 0 was not executed');
  });
  const again = 'run 0 of lane needs its action executed again: it is busy';
  expect(history.flatMap(({ text }) => (text.startsWith('run 0 of lane') ? [text] : []))).toEqual([
    again,
    `${again}, for the 7th time`,
  ]);
});

test('an event that does only what any run does is shown by its name', async () => {
  const texts = textsOf(
    await explained(async (sim) => {
      const metrics = createMemoryMetrics({ clock: sim.world.clock, tracer: sim.world.tracer });
      const runner = createSimulatedRunner(sim.world, { name: 'worker', metrics });
      const { runId } = await runner.run({ argv: ['ignore-term', 'sleep 40', 'complete 0'], timeoutMs: 30 });
      const { status } = await finalStatus(runner, runId);
      sim.check(status.state === 'COMPLETE', 'it was stopped');
    }),
  );
  expect(texts).toContain('the deadline of run 0 fires');
});

test('of an error that this package threw, only the lines of the user are shown', async () => {
  const { places } = await explained((sim) => {
    createStatusStore({ clock: sim.world.clock }).currentStatus('7');
  });
  const [{ what, frames } = { what: '', frames: [] }] = places;
  expect([places.length, what]).toEqual([1, 'the error was thrown']);
  expect(frames[0]).toMatch(/evidence\.test\.ts:\d+:\d+/);
  expect(frames.join('\n')).not.toContain('/src/');
});

test('R36 of a wait that cannot be met any more, the line where it began is shown', async () => {
  const { places } = await explained(async (sim) => {
    const runner = createSimulatedRunner(sim.world, { name: 'worker' });
    const { runId } = await runner.run({ argv: ['sleep 50', 'complete 0'] });
    const awaitFailure = (): Promise<unknown> => waitForState(runner, runId, 'FAILED');
    await Promise.all([finalStatus(runner, runId), waitForState(runner, runId, 'RUNNING'), awaitFailure()]);
  });
  expect(places.map(({ what }) => what)).toEqual(['the wait for run 0 of worker began']);
  expect(places[0]?.frames[0]).toMatch(/^awaitFailure \(.*evidence\.test\.ts:\d+:\d+\)$/);
});

test('of what this package has asked for by itself, the line of the user to which that goes back is shown', async () => {
  const { places } = await explained(
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: [1, 8] });
      net.node('shop', () => ({ sell: () => 7 }));
      const shop = net.connect<{ sell: () => number }>('shop', { timeoutMs: 5 });
      await sim.sleep(1);
      await shop.sell();
    },
    [{ question: delay('shop to scenario reply to sell'), n: 8, answer: 7 }],
  );
  expect(places).toEqual([
    {
      what: "the answer 7 of shop to scenario's call sell() goes back to the arrival at shop of scenario's call sell(), which was sent",
      frames: [expect.stringMatching(/^Object\.run \(.*evidence\.test\.ts:\d+:\d+\)$/)],
    },
  ]);
});

test('of a lock that was taken several times, the end is shown with its own beginning', async () => {
  const explanation = await explained(async (sim) => {
    const jobs = createMutex(sim.world, { name: 'jobs' });
    const work = (): Promise<void> => jobs.run(() => {}, { owner: 'ann' });
    for (let turn = 0; turn < 4; turn += 1) await work();
    await sim.sleep(5);
    await work();
    for (const name of ['ant', 'bee', 'cat', 'dog']) sim.note(name);
    sim.check(false, 'it is late');
  });
  const about = explanation.history.filter(({ text }) => text.includes('jobs'));
  expect(about.map(({ atMs, text }) => `${atMs} ms: ${text}`)).toEqual([
    '5 ms: ann took mutex jobs',
    '5 ms: ann released mutex jobs',
  ]);
});

test('a sentence that ends with an announcement goes on without its colon', async () => {
  const { sentence, history } = await explained(
    (sim) => {
      const log = sim.choose('log', 2);
      sim.check(log === 0, 'the log is without its end:');
    },
    [{ question: choice('log'), n: 2, answer: 1 }],
  );
  expect(sentence).toBe('evident fails at 0 ms: the log is without its end, when "log" is 1 (of 0 to 1).');
  expect(history.at(-1)?.text).toBe('the log is without its end');
});
