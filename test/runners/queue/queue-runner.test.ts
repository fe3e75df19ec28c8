import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDoneExecer } from '../../../src/execers/done-execer.ts';
import { createVirtualFiler } from '../../../src/filers/fake-filer.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import type { RunTypeMap } from '../../../src/model/run-type.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK } from '../../../src/model/state-mask.ts';
import { finalStatus, statusAll, waitForState } from '../../../src/model/status-lookup.ts';
import { waitForever } from '../../../src/model/query.ts';
import { createNullOutputs } from '../../../src/outputs/null-output.ts';
import { createQueueRunner, createSingleRunner } from '../../../src/runners/queue/create-queue-runner.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { argvScript } from '../../../src/runners/fake/fake-script.ts';
import { createRecorder } from '../../../src/runners/recording/recorder.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { virtualTempDirs } from '../../../src/runners/virtual-temp-dirs.ts';
import { inSimulation } from '../in-simulation.ts';
import { stubActions } from '../stub-actions.ts';
import { filersOf, labFiler } from '../lab.ts';
import { rejection, states } from './queue-observations.ts';

const FULL = { code: 'RUNNER_BUSY', message: 'No resources available. Please try later.', status: '' };

const SOME_FILERS: RunTypeMap = new Map([['scoot', { filer: createVirtualFiler() }]]);

describe('admission', () => {
  test('R58 R64 D39 at most capacity runs are in the runner, including the active one; history has no limit', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: 3 });
      for (let round = 0; round < 4; round += 1) {
        for (let index = 0; index < 3; index += 1) await runner.run({ argv: ['sleep 10'] });
        expect(await rejection(runner.run({ argv: ['sleep 10'] }))).toEqual(FULL);
        await sim.sleep(31);
      }
      expect(await states(runner)).toEqual(Array<string>(12).fill('COMPLETE'));
      await runner.release();
    });
  });

  test('D23 a history bound keeps the newest runs, and those not over', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: 3, history: 2 });
      for (let index = 0; index < 3; index += 1) await runner.run({ argv: ['sleep 10'] });
      expect(await states(runner)).toHaveLength(3);
      await sim.sleep(31);
      await runner.run({ argv: ['complete 0'] });
      expect(await states(runner)).toEqual(['COMPLETE', 'PENDING']);
      await sim.sleep(1);
      await runner.release();
    });
  });

  test('R59 the single runner has capacity 1 and remembers 1, also for capacity 0', async () => {
    await inSimulation(async (sim) => {
      const parts = {
        execer: createDoneExecer(),
        filers: filersOf(labFiler({ sim, log: [] })),
        outputs: createNullOutputs(),
        tempDirs: virtualTempDirs(),
      };
      for (const runner of [
        createSingleRunner(sim.world, parts),
        createQueueRunner(sim.world, { ...parts, capacity: 0 }),
        createQueueRunner(sim.world, parts),
      ]) {
        const { runId } = await runner.run({ argv: ['x'] });
        expect(await rejection(runner.run({ argv: ['x'] }))).toEqual(FULL);
        await finalStatus(runner, runId);
        await runner.run({ argv: ['x'] });
        expect((await statusAll(runner)).statuses).toHaveLength(1);
        await runner.release();
      }
      await sim.sleep(1);
    });
  });

  test('R45 R47 R59 a runner of given parts has the requested capacity, history and ids', async () => {
    await inSimulation(async (sim) => {
      const parts = {
        execer: createDoneExecer(),
        filers: SOME_FILERS,
        outputs: createNullOutputs(),
        tempDirs: virtualTempDirs(),
      };
      const runner = createQueueRunner(sim.world, { ...parts, capacity: 2, history: 2, idPrefix: 'inc1-' });
      expect((await runner.run({ argv: ['true'] })).runId).toBe('inc1-0');
      await runner.run({ argv: ['true'] });
      await sim.sleep(1);
      await runner.run({ argv: ['true'] });
      await sim.sleep(1);
      expect((await runner.statusAll()).statuses.map(({ runId }) => runId)).toEqual(['inc1-1', 'inc1-2']);
      expect(() => createQueueRunner(sim.world, { ...parts, updateLimitMs: -1 })).toThrow(
        expect.objectContaining({ message: 'updateLimitMs: expected a number ≥ 0, got -1' }),
      );
      await runner.release();
    });
  });

  test.for([-1, 1.5, NaN])('R59 D39 a capacity of %d is refused', async (capacity) => {
    await inSimulation((sim) => {
      expect(() => createSimulatedRunner(sim.world, { capacity })).toThrow(
        /capacity: expected an integer ≥ 0/,
      );
    });
  });

  test('R65 D21 an accepted run is PENDING with its tags in the same instant, and stands last in the queue', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: 2 });
      await sim.sleep(7);
      const first = await runner.run({ argv: ['sleep 10'] });
      const second = await runner.run({ argv: ['complete 0'], jobId: 'j', taskId: 't', tag: 'g' });
      expect(sim.now()).toBe(7);
      expect([first.state, first.runId]).toEqual(['PENDING', '0']);
      expect(second).toMatchObject({ state: 'PENDING', runId: '1', jobId: 'j', taskId: 't', tag: 'g' });
      await sim.sleep(20);
      await runner.release();
    });
  });

  test.for([
    [undefined, /command: expected an object with argv/],
    [{}, /command\.argv: expected an array of strings/],
    [{ argv: ['a\0b'] }, /argv\[0\]: expected a string without NUL/],
    [{ argv: ['x'], timeoutMs: NaN }, /timeoutMs: expected a number/],
    [{ argv: ['x'], envVars: { 'A=B': '1' } }, /envVars/],
  ] as const)(
    'R66 D36 a malformed command %o is refused, uses no id and affects nobody',
    async ([command, text]) => {
      await inSimulation(async (sim) => {
        const runner = createSimulatedRunner(sim.world, { capacity: 2 });
        const { code, message } = await rejection(runner.run(command as never));
        expect(code).toBe('RUNNER_INVALID_ARGUMENT');
        expect(message).toMatch(text);
        expect((await runner.run({ argv: ['complete 0'] })).runId).toBe('0');
        await sim.sleep(1);
        await runner.release();
      });
    },
  );

  test('R66 R121 what the execer knows in advance to be impossible is refused at once', async () => {
    await inSimulation(async (sim) => {
      const check = (): never => {
        throw new Error('No command specified.');
      };
      const runner = createQueueRunner(sim.world, {
        execer: { cancelBoundMs: 0, check, exec: () => createDoneExecer().exec() },
        filers: filersOf(labFiler({ sim, log: [] })),
        outputs: createNullOutputs(),
        tempDirs: virtualTempDirs(),
      });
      expect(await rejection(runner.run({ argv: [] }))).toEqual({ message: 'No command specified.' });
      expect((await statusAll(runner)).statuses).toEqual([]);
      await runner.release();
    });
  });

  test('D94 a runner keeps its own copy of a command: later changes by the caller have no effect', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world);
      const argv = ['complete 5'];
      const { runId } = await runner.run({ argv });
      argv[0] = 'complete 6';
      expect((await finalStatus(runner, runId)).status.exitCode).toBe(5);
      await runner.release();
    });
  });
});

describe('order', () => {
  test('R67 R68 D25 property: runs start in order of acceptance, one at a time, the next as soon as the last is over', async () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(), async (ms, seed) => {
        const verdict = await inSimulation(
          async (sim) => {
            const runner = createSimulatedRunner(sim.world, { capacity: ms.length });
            for (const length of ms) await runner.run({ argv: [`sleep ${length}`] });
            await finalStatus(runner, String(ms.length - 1));
            expect(sim.now()).toBe(ms.reduce((sum, length) => sum + length, 0));
            await runner.release();
          },
          { seed },
        );
        const ids = verdict
          .trace()
          .flatMap((event) =>
            event.type === 'status' && event.status.state === 'RUNNING' ? [event.status.runId] : [],
          );
        expect(ids).toEqual(ms.map((_, index) => String(index)));
      }),
      { numRuns: 60 },
    );
  });

  test('R69 D25 once a terminal status can be seen, its slot can be used, in every order', async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      await inSimulation(
        async (sim) => {
          const runner = createSimulatedRunner(sim.world, { capacity: 1 });
          for (let round = 0; round < 10; round += 1) {
            const { runId } = await runner.run({ argv: [round % 2 === 0 ? 'complete 0' : 'sleep 3'] });
            await finalStatus(runner, runId);
          }
          await runner.release();
        },
        { seed },
      );
    }
  });
});

describe('abort', () => {
  test('R70 R73 of the active run gives its terminal status, the same to all callers and readers', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world);
      const { runId } = await runner.run({ argv: ['hang'] });
      await waitForState(runner, runId, 'RUNNING');
      const answers = await Promise.all([runner.abort(runId), runner.abort(runId), runner.abort(runId)]);
      const { status } = await runner.status(runId);
      expect(status.state).toBe('ABORTED');
      expect(answers).toEqual([status, status, status]);
      expect(await runner.abort(runId)).toEqual(status);
      await runner.release();
    });
  });

  test('R71 of a queued run takes it out at once: it never starts, and the others keep their order', async () => {
    const verdict = await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: 4 });
      for (let index = 0; index < 4; index += 1) await runner.run({ argv: ['sleep 10'], tag: `t${index}` });
      await sim.sleep(5);
      expect(await runner.abort('2')).toMatchObject({ state: 'ABORTED', tag: 't2' });
      expect(sim.now()).toBe(5);
      await finalStatus(runner, '3');
      expect(sim.now()).toBe(30);
      await runner.release();
    });
    const started = verdict
      .trace()
      .flatMap((event) => (event.type === 'phase' && event.phase === 'checkout' ? [event.runId] : []));
    expect(started).toEqual(['0', '1', '3']);
  });

  test('R71 of the head at the very instant of its start is settled by decision, and its successor starts either way', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 20; seed += 1) {
      await inSimulation(
        async (sim) => {
          const runner = createSimulatedRunner(sim.world, { capacity: 2 });
          await runner.run({ argv: ['stdout x', 'sleep 5'] });
          await runner.run({ argv: ['sleep 5'] });
          sim.world.clock.post('abort', () => void runner.abort('0'));
          const { status } = await finalStatus(runner, '0');
          seen.add(`${status.state} ${status.stdoutRef === '' ? 'queued' : 'started'}`);
          expect((await finalStatus(runner, '1')).status.state).toBe('COMPLETE');
          await runner.release();
        },
        { seed },
      );
    }
    expect([...seen].sort()).toEqual(['ABORTED queued', 'ABORTED started']);
  });

  test('R72 of a terminal run gives the stored status; of an unknown or evicted one it is an error', async () => {
    const verdict = await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: 1, history: 1 });
      await runner.run({ argv: ['complete 3'] });
      await sim.sleep(1);
      expect(await runner.abort('0')).toMatchObject({ state: 'COMPLETE', exitCode: 3 });
      await runner.run({ argv: ['complete 4'] });
      expect(await rejection(runner.abort('0'))).toEqual({
        code: 'RUNNER_UNKNOWN_RUN',
        message: 'unknown run id 0',
      });
      expect(await rejection(runner.abort('nope'))).toEqual({
        code: 'RUNNER_UNKNOWN_RUN',
        message: 'unknown run id nope',
      });
      await sim.sleep(1);
      await runner.release();
    });
    expect(verdict.trace().filter(({ type }) => type === 'abort')).toEqual([]);
  });

  test('R74 D24 waiting for a process that ignores SIGTERM blocks nothing else', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: 3 });
      await runner.run({ argv: ['ignore-term', 'hang'] });
      await waitForState(runner, '0', 'RUNNING');
      const startedAt = sim.now();
      const aborted = runner.abort('0');
      await sim.sleep(10);
      const { runId } = await runner.run({ argv: ['complete 0'] });
      await runner.run({ argv: ['complete 0'] });
      expect((await runner.abort(runId)).state).toBe('ABORTED');
      expect(await states(runner)).toEqual(['RUNNING', 'ABORTED', 'PENDING']);
      expect(sim.now()).toBe(startedAt + 10);
      expect((await aborted).state).toBe('ABORTED');
      expect(sim.now()).toBe(startedAt + 10_000);
      expect((await finalStatus(runner, '2')).status.state).toBe('COMPLETE');
      await runner.release();
    });
  });
});

describe('release', () => {
  test('R84 R85 R86 D26 D27 aborts the active run and the queued ones, resolves when nothing is left, and can be called again', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: 3 });
      for (let index = 0; index < 3; index += 1) await runner.run({ argv: ['ignore-term', 'hang'] });
      await waitForState(runner, '0', 'RUNNING');
      const startedAt = sim.now();
      const waiting = finalStatus(runner, '0');
      const first = runner.release();
      expect(runner.release()).toBe(first);
      expect(await states(runner)).toEqual(['RUNNING', 'ABORTED', 'ABORTED']);
      await first;
      expect(sim.now()).toBe(startedAt + 10_000);
      expect((await waiting).status.state).toBe('ABORTED');
      expect(runner.shareExecer().livingProcesses).toBe(0);
      await runner.release();
    });
  });

  test('R84 D26 afterwards run and abort give a typed error, reads work, and a wait for a new run ends with that error', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world);
      await runner.run({ argv: ['complete 3'] });
      await finalStatus(runner, '0');
      const hopeless = rejection(runner.query({ allRuns: true, states: RUNNING_MASK }, waitForever()));
      await runner.release();
      expect((await hopeless)['code']).toBe('RUNNER_RELEASED');
      expect(await rejection(runner.run({ argv: ['complete 0'] }))).toMatchObject({
        code: 'RUNNER_RELEASED',
        status: '',
      });
      expect((await rejection(runner.abort('0')))['code']).toBe('RUNNER_RELEASED');
      expect((await runner.status('0')).status.exitCode).toBe(3);
      expect((await runner.queryNow({ allRuns: true, states: DONE_MASK })).statuses).toHaveLength(1);
      expect(
        (await rejection(runner.query({ allRuns: true, states: RUNNING_MASK }, { timeoutMs: 5 })))['code'],
      ).toBe('RUNNER_RELEASED');
    });
  });

  test('R85 R200 property: released at any moment, each accepted run is terminal and nobody waits in vain', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.nat(), async (releaseMs, seed) => {
        await inSimulation(
          async (sim) => {
            const runner = createSimulatedRunner(sim.world, { capacity: 5 });
            const ends: Promise<RunStatus>[] = [];
            for (let index = 0; index < 5; index += 1) {
              const { runId } = await runner.run({ argv: [`sleep ${10 * index}`], timeoutMs: 25 });
              ends.push(finalStatus(runner, runId).then(({ status }) => status));
            }
            await sim.sleep(releaseMs);
            await runner.release();
            for (const status of await Promise.all(ends)) {
              expect(['COMPLETE', 'ABORTED', 'TIMEDOUT']).toContain(status.state);
            }
            expect(runner.shareStore().waiterCount).toBe(0);
            expect(
              (await runner.queryNow({ allRuns: true, states: ALL_MASK })).statuses.every(
                ({ state }) => state !== 'PENDING',
              ),
            ).toBe(true);
          },
          { seed },
        );
      }),
      { numRuns: 60 },
    );
  });
});

test('R207 an abort returns what status returns afterwards, and DONE includes it, whatever the outcome of the race', async () => {
  for (let seed = 0; seed < 40; seed += 1) {
    await inSimulation(
      async (sim) => {
        const runner = createSimulatedRunner(sim.world);
        const { runId } = await runner.run({ argv: ['sleep 10'], timeoutMs: 10 });
        await sim.sleep(10);
        const aborted = await runner.abort(runId);
        expect((await runner.status(runId)).status).toEqual(aborted);
        expect((await runner.queryNow({ runs: [runId], states: DONE_MASK })).statuses).toEqual([aborted]);
        await runner.release();
      },
      { seed },
    );
  }
});

test('R167 R47 a store that forgets a run drops none of its outputs: callers may hold its refs', async () => {
  await inSimulation(async (sim) => {
    const runner = createSimulatedRunner(sim.world, { capacity: 1, history: 1 });
    const { runId } = await runner.run({ argv: ['stdout first'] });
    const { status } = await finalStatus(runner, runId);
    await finalStatus(runner, (await runner.run({ argv: ['stdout second'] })).runId);
    expect(await rejection(runner.status(runId))).toMatchObject({ code: 'RUNNER_UNKNOWN_RUN' });
    expect(runner.outputs.find(status.stdoutRef)?.text()).toMatch(/first$/);
    await runner.release();
  });
});

test('R11 R185 the fake and the simulated runner know a Bazel run by its snapshot, and fail one without request data', async () => {
  const actionDigest = { hash: 'a'.repeat(64), sizeBytes: 142 };
  const snapshotId = `bz-${actionDigest.hash}-142`;
  await inSimulation(async (sim) => {
    const filers: RunTypeMap = new Map([['bazel', { filer: createVirtualFiler() }]]);
    const actions = stubActions({ argv: ['sleep 9', 'complete 0'] });
    for (const runner of [
      createFakeRunner(sim.world, { script: argvScript }),
      createSimulatedRunner(sim.world, { filers, actions }),
    ]) {
      const { runId } = await runner.run({ argv: ['complete 0'], snapshotId });
      const { status } = await finalStatus(runner, runId);
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 200, stdoutRef: '' });
      const asked = await runner.run({
        argv: ['sleep 9', 'complete 0'],
        snapshotId,
        executeRequest: { actionDigest },
      });
      const running = (await waitForState(runner, asked.runId, 'RUNNING')).status;
      runner.shareStore().update({ ...running, actionResult: { actionDigest, cached: false } });
      expect((await finalStatus(runner, asked.runId)).status.state).toBe('COMPLETE');
      await runner.release();
    }
    const plain = createFakeRunner(sim.world, { script: argvScript });
    const { runId } = await plain.run({ argv: ['sleep 9'] });
    const running = (await waitForState(plain, runId, 'RUNNING')).status;
    expect(() =>
      plain.shareStore().update({ ...running, actionResult: { actionDigest, cached: false } }),
    ).toThrow(/actionResult/);
    await plain.release();
  });
});

test('R185 R198 a recorded runner has neither the Bazel path nor ingested logs, which no recording could play', async () => {
  await inSimulation((sim) => {
    const parts = {
      execer: createDoneExecer(),
      filers: new Map([['bazel', { filer: createVirtualFiler() }]]) as RunTypeMap,
      outputs: createNullOutputs(),
      tempDirs: virtualTempDirs(),
      recorder: createRecorder(sim.world),
    };
    expect(() => createQueueRunner(sim.world, { ...parts, actions: stubActions() })).toThrow(
      'actions: expected none, since the runner is recorded',
    );
    expect(() => createQueueRunner(sim.world, { ...parts, ingestLogs: true })).toThrow(
      'ingestLogs: expected false, since the runner is recorded',
    );
    expect(() => createQueueRunner(sim.world, { ...parts, logBytesMax: 5 })).toThrow(
      'logBytesMax: expected none, since the runner is recorded',
    );
  });
});
