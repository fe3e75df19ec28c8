import { describe, expect, test } from 'vitest';
import { createVirtualFiler } from '../../../src/filers/fake-filer.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { abortStatus, completeStatus } from '../../../src/model/run-status.ts';
import { DONE_MASK } from '../../../src/model/state-mask.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { waitForever } from '../../../src/model/query.ts';
import type { QueryResult } from '../../../src/model/status-reader.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { argvScript } from '../../../src/runners/fake/fake-script.ts';
import type { World } from '../../../src/model/world.ts';
import type { Performer } from '../../../src/runners/queue/performer.ts';
import type { QueueParts } from '../../../src/runners/queue/queue-options.ts';
import { QueueRunner } from '../../../src/runners/queue/queue-runner.ts';
import { createInstruments } from '../../../src/runners/queue/runner-instruments.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { inSimulation } from '../in-simulation.ts';
import { rejection } from './queue-observations.ts';

const COMMAND = { argv: ['anything'] };

function queueBefore(world: World, performer: Performer, parts: Partial<QueueParts> = {}): QueueRunner {
  const instruments = createInstruments(createMemoryMetrics());
  return new QueueRunner(world, { name: 'runner', performer, filers: new Map(), instruments, ...parts });
}

test('R84 a listener that sees the release in the trace cannot start anything any more', async () => {
  await inSimulation(async (sim) => {
    const refused: Promise<unknown>[] = [];
    const tracer = {
      record: ({ type }: TraceEvent): void => {
        if (type === 'released') refused.push(rejection(runner.run(COMMAND)));
      },
    };
    const runner = createFakeRunner({ ...sim.world, tracer }, { capacity: 2, script: argvScript });
    await runner.release();
    expect(await Promise.all(refused)).toMatchObject([{ code: 'RUNNER_RELEASED' }]);
  });
});

test('R84 a listener that sees the release in the trace may release again, which is the same release', async () => {
  await inSimulation(async (sim) => {
    const again: Promise<QueryResult>[] = [];
    const tracer = {
      record: ({ type }: TraceEvent): void => {
        if (type === 'released') again.push(runner.release().then(() => runner.statusAll()));
      },
    };
    const runner = createFakeRunner({ ...sim.world, tracer }, { script: argvScript });
    await runner.run({ argv: ['sleep 50'] });
    await sim.sleep(1);
    await runner.release();
    expect(again).toHaveLength(1);
    expect((await again[0])?.statuses).toMatchObject([{ runId: '0', state: 'ABORTED' }]);
  });
});

describe('code that uses the runner at once', () => {
  /** Runs take 10 ms; the ids of those that were started are noted in `started`. */
  function noting(sim: Simulation, started: string[] = []): Performer {
    return {
      perform: (_command, runId, onStatus) => {
        started.push(runId);
        const timer = sim.world.clock.timer('over', 10, () => onStatus(completeStatus(runId, '', 0)));
        return {
          abort() {
            timer.cancel();
            sim.world.clock.post('stopped', () => onStatus(abortStatus(runId)));
          },
        };
      },
    };
  }

  /** A queue with a tracer that calls `on` for the first event that `picks`. */
  function listened(
    sim: Simulation,
    picks: (event: TraceEvent) => boolean,
    on: (runner: QueueRunner) => void,
    parts: Partial<QueueParts> = {},
  ): QueueRunner {
    let isOver = false;
    const tracer = {
      record(event: TraceEvent): void {
        sim.world.tracer.record(event);
        if (isOver || !picks(event)) return;
        isOver = true;
        on(runner);
      },
    };
    const runner = queueBefore({ ...sim.world, tracer }, noting(sim), parts);
    return runner;
  }

  const MOMENTS = [
    ['created', (event: TraceEvent) => event.type === 'status' && event.status.state === 'PENDING'],
    ['accepted', ({ type }: TraceEvent) => type === 'accepted'],
  ] as const;

  test.for(MOMENTS)('R85 R200 a release when a run is %s ends that run', async ([, picks]) => {
    await inSimulation(async (sim) => {
      const released: Promise<void>[] = [];
      const runner = listened(sim, picks, () => released.push(runner.release()));
      expect((await runner.run(COMMAND)).state).toBe('PENDING');
      await Promise.all(released);
      expect(released).toHaveLength(1);
      expect((await runner.statusAll()).statuses).toEqual([abortStatus('0')]);
    });
  });

  test.for(MOMENTS)('R58 an offer when a run is %s counts that run', async ([, picks]) => {
    await inSimulation(async (sim) => {
      const refused: Promise<unknown>[] = [];
      const runner = listened(sim, picks, () => refused.push(rejection(runner.run(COMMAND))));
      await runner.run(COMMAND);
      expect(await Promise.all(refused)).toMatchObject([{ code: 'RUNNER_BUSY' }]);
      await runner.release();
    });
  });

  test.for(MOMENTS)('R67 a run that is offered when another is %s starts after it', async ([, picks]) => {
    await inSimulation(async (sim) => {
      const started: string[] = [];
      const parts = { capacity: 2, performer: noting(sim, started) };
      const runner = listened(sim, picks, () => void runner.run(COMMAND), parts);
      await runner.run(COMMAND);
      await sim.sleep(15);
      expect(started).toEqual(['0', '1']);
      await runner.release();
    });
  });

  test('R58 an offer while the execer checks another takes its place', async () => {
    await inSimulation(async (sim) => {
      let isOffered = false;
      const runner = queueBefore(sim.world, {
        ...noting(sim),
        check() {
          if (isOffered) return;
          isOffered = true;
          void runner.run(COMMAND);
        },
      });
      expect(await rejection(runner.run(COMMAND))).toMatchObject({ code: 'RUNNER_BUSY' });
      expect((await runner.statusAll()).statuses).toHaveLength(1);
      await runner.release();
    });
  });

  test('R84 a release while the execer checks a command refuses it', async () => {
    await inSimulation(async (sim) => {
      const runner = queueBefore(sim.world, { ...noting(sim), check: () => void runner.release() });
      expect(await rejection(runner.run(COMMAND))).toMatchObject({ code: 'RUNNER_RELEASED' });
      expect((await runner.statusAll()).statuses).toEqual([]);
    });
  });

  test('R58 an offer while a command is copied takes its place', async () => {
    await inSimulation(async (sim) => {
      const runner = queueBefore(sim.world, noting(sim));
      let reads = 0;
      const command = {
        get argv() {
          reads += 1;
          // The first reads are those of the check.
          if (reads === 2) void runner.run(COMMAND);
          return ['anything'];
        },
      };
      expect(await rejection(runner.run(command))).toMatchObject({ code: 'RUNNER_BUSY' });
      await runner.release();
    });
  });

  test('R86 a release when the runner is initialized leaves no interval of a filer', async () => {
    await inSimulation(async (sim) => {
      const filer = { ...createVirtualFiler(), updateIntervalMs: 100 };
      const init = Promise.resolve();
      const runner = listened(
        sim,
        ({ type }) => type === 'service',
        () => void runner.release(),
        { filers: new Map([['scoot', { filer, init }]]) },
      );
      await sim.sleep(1000);
      expect((await runner.statusAll()).service.initialized).toBe(true);
    });
  });
});

describe('a queue in front of a custom performer', () => {
  test('R70 an abort before `perform` has returned is passed on once, when it has', async () => {
    await inSimulation(async (sim) => {
      const calls: string[] = [];
      const runner = queueBefore(sim.world, {
        perform(_command, runId, onStatus) {
          void runner.abort(runId);
          calls.push('performing');
          return {
            abort: () => {
              calls.push('abort');
              sim.world.clock.post('stopped', () => onStatus(abortStatus(runId)));
            },
          };
        },
      });
      const { runId } = await runner.run(COMMAND);
      expect((await finalStatus(runner, runId)).status.state).toBe('ABORTED');
      expect(calls).toEqual(['performing', 'abort']);
      await runner.release();
    });
  });

  test('R70 an abort of the active run goes to the performer; one of a finished run goes to nobody', async () => {
    await inSimulation(async (sim) => {
      const aborts: string[] = [];
      const runner = queueBefore(sim.world, {
        perform: (_command, runId, onStatus) => {
          sim.world.clock.timer('over', 10, () => onStatus(completeStatus(runId, '', 0)));
          return { abort: () => aborts.push(runId) };
        },
      });
      await runner.run(COMMAND);
      await sim.sleep(5);
      expect((await runner.abort('0')).state).toBe('COMPLETE');
      await runner.run(COMMAND);
      await sim.sleep(10);
      expect(aborts).toEqual(['0']);
      await runner.release();
    });
  });

  test('R69 R87 a second terminal status of a run breaks an invariant, and says which', async () => {
    await inSimulation(async (sim) => {
      let tellAgain = (): void => undefined;
      const runner = queueBefore(sim.world, {
        perform(_command, runId, onStatus) {
          tellAgain = () => onStatus(completeStatus(runId, '', 0));
          tellAgain();
          return { abort: () => undefined };
        },
      });
      await runner.run(COMMAND);
      await sim.sleep(1);
      expect(tellAgain).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVARIANT',
          message: expect.stringContaining('expected the terminal status of the active run') as string,
        }),
      );
      await runner.release();
    });
  });

  test('R66 an error of the performer’s check is the refusal; the trace has its code, if it has one', async () => {
    const verdict = await inSimulation(async (sim) => {
      const odd = new Error('not on a Monday');
      const runner = queueBefore(sim.world, {
        perform: () => ({ abort: () => undefined }),
        check: () => {
          throw odd;
        },
      });
      await expect(runner.run(COMMAND)).rejects.toBe(odd);
      await expect(runner.run({ argv: 'text' as never })).rejects.toThrow(
        expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }),
      );
      await runner.release();
    });
    expect(verdict.trace().filter(({ type }) => type === 'rejected')).toEqual([
      { at: 0, type: 'rejected', runner: 'runner', code: '' },
      { at: 0, type: 'rejected', runner: 'runner', code: 'RUNNER_INVALID_ARGUMENT' },
    ]);
  });

  test('R84 a refusal after a release says that the runner was released, and what was asked', async () => {
    await inSimulation(async (sim) => {
      const runner = queueBefore(sim.world, { perform: () => ({ abort: () => undefined }) });
      await runner.release();
      await expect(runner.run(COMMAND)).rejects.toThrow('The runner was released.');
      await expect(runner.abort('0')).rejects.toThrow(
        'The runner was released; abort needs one that was not.',
      );
      await expect(runner.query({ allRuns: true, states: DONE_MASK }, waitForever())).rejects.toThrow(
        'The runner was released; wait needs one that was not.',
      );
    });
  });
});
