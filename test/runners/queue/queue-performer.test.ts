import { describe, expect, test } from 'vitest';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { abortStatus, completeStatus } from '../../../src/model/run-status.ts';
import { DONE_MASK } from '../../../src/model/state-mask.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { waitForever } from '../../../src/model/query.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { argvScript } from '../../../src/runners/fake/fake-script.ts';
import type { Performer } from '../../../src/runners/queue/performer.ts';
import { QueueRunner } from '../../../src/runners/queue/queue-runner.ts';
import { createInstruments } from '../../../src/runners/queue/runner-instruments.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { inSimulation } from '../in-simulation.ts';
import { rejection } from './queue-observations.ts';

const COMMAND = { argv: ['anything'] };

function queueBefore(sim: Simulation, performer: Performer): QueueRunner {
  const instruments = createInstruments(createMemoryMetrics());
  return new QueueRunner(sim.world, { name: 'runner', performer, filers: new Map(), instruments });
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

describe('a queue in front of a custom performer', () => {
  test('R70 an abort before `perform` has returned is passed on once, when it has', async () => {
    await inSimulation(async (sim) => {
      const calls: string[] = [];
      const runner = queueBefore(sim, {
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
      const runner = queueBefore(sim, {
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
      const runner = queueBefore(sim, {
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
      const runner = queueBefore(sim, {
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
      const runner = queueBefore(sim, { perform: () => ({ abort: () => undefined }) });
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
