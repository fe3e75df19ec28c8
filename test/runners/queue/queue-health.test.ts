import { describe, expect, test } from 'vitest';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { ExitCodeError } from '../../../src/model/exit-code.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import type { StatusResult } from '../../../src/model/status-reader.ts';
import { createSimulatedRunner, type SimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { inSimulation } from '../in-simulation.ts';
import { filersOf, labFiler } from '../lab.ts';
import { rejection, states } from './queue-observations.ts';

describe('health', () => {
  function failing(
    sim: Simulation,
    codes: readonly (number | 'ok' | 'abort')[],
    metrics = createMemoryMetrics(),
  ): SimulatedRunner {
    let call = 0;
    const checkout = (id: string): { id: string; path: string; release: () => void } | Promise<never> => {
      const code = codes[call];
      call += 1;
      if (code === 'abort') return Promise.race<never>([]);
      if (typeof code === 'number') throw new ExitCodeError(code, `broke with ${code}`);
      return { id, path: '/p', release: () => undefined };
    };
    const filers = filersOf({ ...labFiler({ sim, log: [] }), checkout });
    return createSimulatedRunner(sim.world, { capacity: 10, filers, metrics });
  }

  test.for([
    [[241], 'exit code 241: broke with 241'],
    [[212, 212], 'exit code 212 twice in a row: broke with 212'],
    [[211, 211], 'exit code 211 twice in a row: broke with 211'],
    [[212, 'abort', 212], 'exit code 212 twice in a row: broke with 212'],
    [[211, 212, 211, 212], ''],
    [[212, 'ok', 212], ''],
    [[212, 210, 212], ''],
    [[210, 210, 250, 250], ''],
  ] as const)(
    'R81 R82 D29 D32 after checkouts %o the service error is "%s", no later than the terminal status',
    async ([codes, error]) => {
      await inSimulation(async (sim) => {
        const metrics = createMemoryMetrics();
        const runner = failing(sim, codes, metrics);
        expect(metrics.value('workerUnhealthy')).toBe(0);
        let service = (await runner.statusAll()).service;
        for (const code of codes) {
          const { runId } = await runner.run({ argv: ['complete 0'], snapshotId: 's' });
          if (code === 'abort') {
            await sim.sleep(1);
            void runner.abort(runId);
          }
          ({ service } = await finalStatus(runner, runId));
        }
        expect(service).toEqual({ initialized: true, isHealthy: error === '', error });
        expect(metrics.value('workerUnhealthy')).toBe(error === '' ? 0 : 1);
        await runner.release();
      });
    },
  );

  test.for(['complete 241', 'complete 211', 'complete 212'])(
    'R20 R81 D31 a command’s own "%s" is not the machine’s',
    async (step) => {
      await inSimulation(async (sim) => {
        const runner = createSimulatedRunner(sim.world);
        for (let round = 0; round < 3; round += 1) {
          const { runId } = await runner.run({ argv: [step] });
          const { status, service } = await finalStatus(runner, runId);
          expect([status.state, service.isHealthy]).toEqual(['COMPLETE', true]);
        }
        await runner.release();
      });
    },
  );

  test('R81 D31 a command that completes with 212 does not start a series of failed checkouts', async () => {
    await inSimulation(async (sim) => {
      const runner = failing(sim, [212]);
      await runner.run({ argv: ['complete 212'] });
      await finalStatus(runner, '0');
      await runner.run({ argv: ['complete 0'], snapshotId: 's' });
      const { status, service } = await finalStatus(runner, '1');
      expect([status.state, status.exitCode, service.isHealthy]).toEqual(['FAILED', 212, true]);
      await runner.release();
    });
  });

  test.for([[[241]], [[212, 212]], [[211, 211]]] as const)(
    'R81 R83 D103 a machine found broken by %j loses no run: those over, failed and queued are all reported',
    async ([codes]) => {
      await inSimulation(async (sim) => {
        const runner = failing(sim, ['ok', ...codes]);
        const ends: Promise<StatusResult>[] = [];
        for (let index = 0; index < codes.length + 2; index += 1) {
          const { runId } = await runner.run({ argv: ['complete 7'], snapshotId: 's' });
          // Nobody has asked for the first when the machine breaks.
          if (index > 0) ends.push(finalStatus(runner, runId));
        }
        const reported = (await Promise.all(ends)).map(({ status }) => [status.state, status.exitCode]);
        expect(reported).toEqual([...codes.map((code) => ['FAILED', code]), ['FAILED', 240]]);
        const { status, service } = await finalStatus(runner, '0');
        expect([status.state, status.exitCode, service.isHealthy]).toEqual(['COMPLETE', 7, false]);
        await runner.release();
      });
    },
  );

  test('R64 R83 D30 while unhealthy nothing starts: queued runs become FAILED, and new ones are refused with the reason', async () => {
    await inSimulation(async (sim) => {
      const runner = failing(sim, [241]);
      for (let index = 0; index < 3; index += 1) {
        await runner.run({ argv: ['complete 0'], snapshotId: 's', tag: `t${index}` });
      }
      expect((await finalStatus(runner, '2')).status).toMatchObject({
        state: 'FAILED',
        error: 'Worker is unhealthy.',
        exitCode: 240,
        tag: 't2',
      });
      expect(await states(runner)).toEqual(['FAILED', 'FAILED', 'FAILED']);
      expect(await rejection(runner.run({ argv: ['complete 0'] }))).toEqual({
        code: 'RUNNER_UNHEALTHY',
        message: 'Worker is unhealthy.',
        status: 'exit code 241: broke with 241',
      });
      await runner.release();
    });
  });
});
