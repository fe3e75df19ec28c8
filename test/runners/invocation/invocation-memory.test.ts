import { describe, expect, test } from 'vitest';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import type { ProcessStatus } from '../../../src/model/execer.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import type { InvokerOptions } from '../../../src/runners/invocation/invoker-parts.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { inSimulation } from '../in-simulation.ts';
import { afterHeader, invoke, labUploader, logTexts, makeLab, type Lab } from '../lab.ts';

const TRAILER = `\n\n${`${'#'.repeat(43)}\n`.repeat(2)}\nFAILED\n`;

describe('a memory report', () => {
  function memoryLab(
    sim: Simulation,
    kind: 'initial' | 'exceeded',
    atMs: number,
    deadMs: number,
    more: Partial<InvokerOptions> = {},
  ): Lab {
    return makeLab(sim, (parts) => {
      const status: ProcessStatus =
        kind === 'initial'
          ? { state: 'FAILED', exitCode: 241, error: 'Critical error detected. Initial memory utilization' }
          : { state: 'COMPLETE', exitCode: 1, error: 'Cmd exceeded MemoryCap, aborting process' };
      return {
        ...more,
        uploader: labUploader(parts),
        execer: {
          cancelBoundMs: 1_000,
          exec: ({ onMemoryReport }) => {
            const { clock } = parts.sim.world;
            let killed = false;
            const end = new Promise<ProcessStatus>((resolve) => {
              clock.timer('memory', atMs, () => {
                onMemoryReport?.({ kind, status });
                clock.timer('dead', deadMs, () => {
                  killed = true;
                  parts.log.push('dead');
                  resolve(status);
                });
              });
            });
            return { wait: () => end, abort: () => (killed ? status : end) };
          },
        },
      };
    });
  }

  test.for([
    ['exceeded', { state: 'COMPLETE', exitCode: 1 }],
    ['initial', { state: 'FAILED', exitCode: 241 }],
  ] as const)(
    'R111 R112 R115 D46 D50 of kind %s: counted, in the log, uploaded, and terminal only when the process is dead',
    async ([kind, expected]) => {
      await inSimulation(async (sim) => {
        const lab = memoryLab(sim, kind, 20, 30);
        const status = await invoke(lab, { argv: ['x'] }).ended;
        expect(status).toMatchObject(expected);
        expect(sim.now()).toBe(50);
        expect(lab.log).toEqual(['dead', 'upload stdlog', 'upload stderr', 'upload stdout']);
        expect(lab.metrics.value('memoryCapExceeded')).toBe(1);
        expect(afterHeader(logTexts(lab).stdout)).toBe(`${TRAILER}${status.error}\n`);
      });
    },
  );

  test('R104 R112 D46 D47 at the same instant as abort and deadline: every order is legal, and the process is dead first', async () => {
    const states = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      await inSimulation(
        async (sim) => {
          const lab = memoryLab(sim, 'exceeded', 50, 10);
          const run = invoke(lab, { argv: ['x'], timeoutMs: 50 });
          if (seed % 2 === 0) sim.world.clock.timer('abort', 50, () => run.abort());
          const { state } = await run.ended;
          states.add(state);
          expect(lab.log[0]).toBe('dead');
          if (seed % 2 === 0) expect(state).toBe('ABORTED');
        },
        { seed },
      );
    }
    expect([...states].sort()).toEqual(['ABORTED', 'COMPLETE', 'TIMEDOUT']);
  });

  test('R102 R103 a deadline between a memory report and the end of the process bounds what follows', async () => {
    await inSimulation(async (sim) => {
      const hangs = { name: 'hangs', cancelBoundMs: 40, process: () => new Promise<void>(() => {}) };
      const lab = memoryLab(sim, 'exceeded', 20, 30, { postprocessors: [hangs] });
      const status = await invoke(lab, { argv: ['x'], timeoutMs: 30 }).ended;
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 1 });
      expect(sim.now()).toBe(50 + 40);
    });
  });

  test('R86 R204 of a run that has ended is dropped with the run, in either order', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      await inSimulation(
        async (sim) => {
          const execer = createSimExecer({ clock: sim.world.clock, memoryCapBytes: 100 });
          const runner = createSimulatedRunner(sim.world, { execer });
          const { runId } = await runner.run({ argv: ['mem 200', 'sleep 10'] });
          const { status } = await finalStatus(runner, runId);
          expect(status).toMatchObject({ state: 'FAILED', exitCode: 241 });
          expect(sim.world.clock).toHaveProperty('pending', 0);
        },
        { seed },
      );
    }
  });
});
