import { describe, expect, test } from 'vitest';
import type { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { createFakeRunner, type FakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { argvScript, type FakeScript } from '../../../src/runners/fake/fake-script.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { inSimulation } from '../in-simulation.ts';

const COMMAND = { argv: ['anything'], tag: 't' };

function refusal(expected: string): unknown {
  return expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', message: expected });
}

/** The labels of the events that are pending. */
function pendingIn(sim: Simulation): string[] {
  return (sim.world.clock as VirtualClock).pendingLabels();
}

/** A driven runner whose run 0 waits for the driver, and run 1 for its turn. */
async function driven(sim: Simulation): Promise<FakeRunner> {
  const runner = createFakeRunner(sim.world, { capacity: 2 });
  await runner.run(COMMAND);
  await runner.run(COMMAND);
  await sim.sleep(1);
  return runner;
}

describe('a fake runner that the test drives', () => {
  test('does what the test says, when it says so, to the run whose turn it is', async () => {
    await inSimulation(async (sim) => {
      const runner = await driven(sim);
      expect(runner.current).toBe('0');
      runner.start('0');
      expect((await runner.status('0')).status).toMatchObject({
        state: 'RUNNING',
        stdoutRef: 'fake:///0-stdout',
        stderrRef: 'fake:///0-stderr',
        tag: 't',
      });
      runner.finish('0', 2);
      expect((await runner.status('0')).status).toMatchObject({
        state: 'COMPLETE',
        exitCode: 2,
        error: '',
        tag: 't',
      });
      expect((await runner.status('1')).status.state).toBe('PENDING');
      await sim.sleep(1);
      expect(runner.current).toBe('1');
      runner.fail('1', 'no disk');
      expect((await runner.status('1')).status).toMatchObject({
        state: 'FAILED',
        exitCode: 250,
        error: 'no disk',
      });
      expect(runner.current).toBeUndefined();
      await runner.run(COMMAND);
      await sim.sleep(1);
      runner.finish('2');
      await runner.run(COMMAND);
      await sim.sleep(1);
      runner.fail('3', 'odd', 7);
      expect((await runner.status('2')).status.exitCode).toBe(0);
      expect((await runner.status('3')).status.exitCode).toBe(7);
      await runner.release();
    });
  });

  test('refuses impossible steps', async () => {
    await inSimulation(async (sim) => {
      const runner = await driven(sim);
      const notIts = 'runId: expected the run whose turn it is (0), got "1"';
      expect(() => runner.start('1')).toThrow(refusal(notIts));
      expect(() => runner.finish('1')).toThrow(refusal(notIts));
      expect(() => runner.fail('1', 'x')).toThrow(refusal(notIts));
      expect(() => runner.finish('0', 1.5)).toThrow(refusal('exitCode: expected an integer, got 1.5'));
      expect(() => runner.fail('0', 'x', NaN)).toThrow(refusal('exitCode: expected an integer, got NaN'));
      const noText: unknown = new Error('boom');
      expect(() => runner.fail('0', noText as string)).toThrow(
        refusal('error: expected a string, got an Error'),
      );
      expect(runner.current).toBe('0');
      runner.start('0');
      expect(() => runner.start('0')).toThrow(
        refusal('runId: expected a run that is not RUNNING yet, got "0"'),
      );
      await runner.release();
      expect(() => runner.start('0')).toThrow(
        refusal(
          'runId: expected the run whose turn it is (none now: that of an accepted run comes in the next event), got "0"',
        ),
      );
    });
  });

  test('R100 ends a run at its deadline, driven or not, and keeps no timer of one that is over', async () => {
    await inSimulation(async (sim) => {
      const runner = createFakeRunner(sim.world);
      await runner.run({ ...COMMAND, timeoutMs: 50 });
      await finalStatus(runner, '0');
      expect([(await runner.status('0')).status.state, sim.now()]).toEqual(['TIMEDOUT', 50]);
      await runner.run({ ...COMMAND, timeoutMs: 50 });
      await sim.sleep(1);
      runner.finish('1');
      expect(pendingIn(sim)).toEqual([]);
      await runner.release();
    });
  });
});

describe('a fake runner with a script', () => {
  test.for([
    [{}, 0, 0, 'COMPLETE', 0, ''],
    [{ startAfterMs: 10 }, 10, 10, 'COMPLETE', 0, ''],
    [{ startAfterMs: 10, runMs: 20 }, 10, 30, 'COMPLETE', 0, ''],
    [{ runMs: 20, end: { state: 'FAILED', exitCode: 9, error: 'bad' } }, 0, 20, 'FAILED', 9, 'bad'],
  ] as const)(
    '%o runs from %i to %i ms and ends as %s',
    async ([script, startMs, endMs, state, exitCode, error]) => {
      const verdict = await inSimulation(async (sim) => {
        const runner = createFakeRunner(sim.world, { script: () => script });
        await runner.run(COMMAND);
        expect((await finalStatus(runner, '0')).status).toMatchObject({ state, exitCode, error });
        await runner.release();
      });
      const statuses = verdict.trace().flatMap((event) => (event.type === 'status' ? [event] : []));
      expect(statuses.map(({ at, status }) => [at, status.state])).toEqual([
        [0, 'PENDING'],
        [startMs, 'RUNNING'],
        [endMs, state],
      ]);
    },
  );

  test.for([
    [{ startAfterMs: 10, runMs: 20 }, 4, 24],
    [{ startAfterMs: 10 }, 4, 4],
    [{ startAfterMs: Infinity, runMs: 20 }, 4, 24],
  ] as const)(
    '%o started by hand at %i ms is not started again, and ends at %i ms',
    async ([script, startMs, endMs]) => {
      const verdict = await inSimulation(async (sim) => {
        const runner = createFakeRunner(sim.world, { script: () => script });
        await runner.run(COMMAND);
        await sim.sleep(startMs);
        runner.start('0');
        await finalStatus(runner, '0');
        await sim.sleep(50);
        expect(pendingIn(sim)).toEqual([]);
        await runner.release();
      });
      const statuses = verdict.trace().flatMap((event) => (event.type === 'status' ? [event] : []));
      expect(statuses.map(({ at, status }) => [at, status.state])).toEqual([
        [0, 'PENDING'],
        [startMs, 'RUNNING'],
        [endMs, 'COMPLETE'],
      ]);
    },
  );

  test('ended by hand before its start leaves no timer', async () => {
    await inSimulation(async (sim) => {
      const runner = createFakeRunner(sim.world, { script: () => ({ startAfterMs: 10, runMs: 20 }) });
      await runner.run(COMMAND);
      await sim.sleep(4);
      runner.finish('0');
      expect(pendingIn(sim)).toEqual([]);
      await runner.release();
    });
  });

  test('that never ends waits for an abort, and one that throws is a command that could not be executed', async () => {
    await inSimulation(async (sim) => {
      const scripts: FakeScript[] = [{ runMs: Infinity }, { startAfterMs: Infinity }];
      const runner = createFakeRunner(sim.world, {
        script: () => {
          const script = scripts.shift();
          if (script === undefined) throw new Error('nothing left');
          return script;
        },
      });
      for (const runId of ['0', '1']) {
        await runner.run(COMMAND);
        await sim.sleep(1_000);
        expect(pendingIn(sim)).toEqual([]);
        expect((await runner.abort(runId)).state).toBe('ABORTED');
      }
      await runner.run(COMMAND);
      expect((await finalStatus(runner, '2')).status).toMatchObject({
        state: 'FAILED',
        exitCode: 240,
        error: 'could not exec: nothing left',
      });
      await runner.release();
    });
  });

  const SCRIPT = 'expected a script, which is an object';
  test.for<[string, unknown]>([
    [`script(): ${SCRIPT}, got a Promise`, Promise.resolve({ runMs: 5 })],
    [`script(): ${SCRIPT}, got null`, null],
    [
      'script(): expected only the fields startAfterMs, runMs, end, got a field "runMS"; the nearest is runMs',
      { runMS: 5 },
    ],
    ['script().startAfterMs: expected a number ≥ 0, got -1', { startAfterMs: -1 }],
    ['script().runMs: expected a number ≥ 0, got NaN', { startAfterMs: 5, runMs: NaN }],
    ['script().end.exitCode: expected an integer, got undefined', { end: { state: 'COMPLETE' } }],
    [
      'script().end.exitCode: expected an integer, got 1.5',
      { runMs: 5, end: { state: 'FAILED', exitCode: 1.5 } },
    ],
    [
      'script().end.state: expected one of "COMPLETE", "FAILED", got "ABORTED"',
      { end: { state: 'ABORTED', exitCode: 0 } },
    ],
    [
      'script().end.error: expected a string, got an Error',
      { end: { state: 'FAILED', exitCode: 1, error: new Error('boom') } },
    ],
  ])('that is none fails the run before it begins: %s', async ([error, script]) => {
    await inSimulation(async (sim) => {
      const runner = createFakeRunner(sim.world, { script: () => script as FakeScript });
      await runner.run({ ...COMMAND, timeoutMs: 50 });
      const { status } = await finalStatus(runner, '0');
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 240, error: `could not exec: ${error}` });
      expect([sim.now(), status.stdoutRef]).toEqual([0, '']);
      expect(pendingIn(sim)).toEqual([]);
      await runner.release();
    });
  });

  const END = { state: 'COMPLETE', exitCode: 3 };
  test.for([
    [['complete 3'], { runMs: 0, end: END }],
    [['sleep 5', 'sleep 6', 'complete 3'], { runMs: 11, end: END }],
    [['stdout a', 'stderr b', '# why', 'sleep 5', 'complete 3'], { runMs: 5, end: END }],
    [['ignore-term', 'mem 5', 'complete 3'], { runMs: 0, end: END }],
    [['orphan', 'fork', 'complete 3'], { runMs: 0, end: END }],
    [['sleep 5', 'hang'], { runMs: Infinity }],
    [['sleep 5', 'pause', 'complete 3'], { runMs: Infinity }],
    [['fail 7 broken'], { runMs: 0, end: { state: 'FAILED', exitCode: 7, error: 'error execing: broken' } }],
    [
      ['fail 0 broken'],
      { runMs: 0, end: { state: 'FAILED', exitCode: 250, error: 'error execing: broken' } },
    ],
    [['signal SIGSEGV'], { runMs: 0, end: { state: 'COMPLETE', exitCode: -1, error: 'Killed by SIGSEGV' } }],
    [['sleep 5'], { runMs: 5 }],
  ] as const)('argvScript makes of %o %o', ([argv, script]) => {
    expect(argvScript({ argv: [...argv] })).toEqual(script);
  });
});
