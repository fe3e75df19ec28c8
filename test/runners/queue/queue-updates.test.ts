import { describe, expect, test } from 'vitest';
import { createCountingUpdater } from '../../../src/filers/counting-updater.ts';
import { createVirtualFiler } from '../../../src/filers/fake-filer.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { ExitCodeError } from '../../../src/model/exit-code.ts';
import type { Filer } from '../../../src/model/filer.ts';
import type { RunRejectedError } from '../../../src/model/run-rejected-error.ts';
import type { RunTypeMap } from '../../../src/model/run-type.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { waitForever } from '../../../src/model/query.ts';
import type { World } from '../../../src/model/world.ts';
import { createRemoteRunner } from '../../../src/remote/remote-runner.ts';
import type { RemoteRunnerOptions } from '../../../src/remote/remote-runner-options.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { inSimulation } from '../in-simulation.ts';
import { behave, type Behaviour } from '../lab.ts';

/** A filer that asks for updates, which behave as given; it logs when each begins and ends. */
function updating(
  sim: Simulation,
  log: string[],
  name: string,
  intervalMs: number,
  behaviour: Behaviour & { boundMs?: number } = {},
): Filer {
  const plain = createVirtualFiler();
  return {
    cancelBoundMs: behaviour.boundMs ?? 50,
    updateIntervalMs: intervalMs,
    checkout: (id) => plain.checkout(id),
    checkoutAt: (id, dir) => plain.checkoutAt(id, dir),
    ingest: (path) => plain.ingest(path),
    ingestMap: (paths) => plain.ingestMap(paths),
    update: async (cancel) => {
      log.push(`${name} ${sim.now()}`);
      try {
        await behave(sim, `update ${name}`, behaviour, cancel);
      } finally {
        log.push(`/${name} ${sim.now()}`);
      }
    },
  };
}

function mapOf(filer: Filer, other?: Filer): RunTypeMap {
  return new Map([
    ['scoot', { filer }],
    ...(other === undefined ? [] : ([['bazel', { filer: other }]] as const)),
  ]);
}

async function codeOf(promise: Promise<unknown>): Promise<unknown[]> {
  try {
    await promise;
  } catch (error) {
    const { code, message, status } = error as RunRejectedError;
    return [code, message, status.error];
  }
  throw new Error('expected a rejection');
}

describe('initialization', () => {
  const INITING = 'Queue is still initializing. Please try later.';

  test('R60 without any init signal the runner is initialized and healthy before it is handed out', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world);
      expect(runner.shareStore().serviceStatus).toEqual({ initialized: true, isHealthy: true, error: '' });
      await runner.release();
    });
  });

  test.for([
    [10, 20],
    [20, 10],
  ] as const)(
    'R60 R61 R63 with signals at %i and %i ms it is ready once all have come, and refuses runs until then',
    async ([first, second]) => {
      await inSimulation(async (sim) => {
        const filer = createVirtualFiler();
        const filers: RunTypeMap = new Map([
          ['scoot', { filer, init: sim.sleep(first) }],
          ['bazel', { filer, init: sim.sleep(second) }],
        ]);
        const runner = createSimulatedRunner(sim.world, { filers });
        expect((await runner.statusAll()).service).toEqual({
          initialized: false,
          isHealthy: false,
          error: '',
        });
        expect(await codeOf(runner.run({ argv: ['complete 0'] }))).toEqual([
          'RUNNER_INITIALIZING',
          INITING,
          INITING,
        ]);
        await sim.sleep(15);
        expect(await codeOf(runner.run({ argv: ['complete 0'] }))).toEqual([
          'RUNNER_INITIALIZING',
          INITING,
          INITING,
        ]);
        await sim.sleep(6);
        expect((await runner.statusAll()).service).toEqual({ initialized: true, isHealthy: true, error: '' });
        const { runId } = await runner.run({ argv: ['complete 0'] });
        expect(runId).toBe('0');
        await finalStatus(runner, runId);
        await runner.release();
      });
    },
  );

  test('R61 a signal that comes twice counts once', async () => {
    await inSimulation(async (sim) => {
      const twice = {
        then(resolve: () => void) {
          resolve();
          resolve();
        },
      };
      const filer = createVirtualFiler();
      const filers: RunTypeMap = new Map([
        ['scoot', { filer, init: twice as Promise<void> }],
        ['bazel', { filer, init: sim.sleep(10) }],
      ]);
      const runner = createSimulatedRunner(sim.world, { filers });
      await sim.sleep(5);
      expect((await runner.statusAll()).service.initialized).toBe(false);
      await sim.sleep(6);
      expect((await runner.statusAll()).service.initialized).toBe(true);
      await runner.release();
    });
  });

  test('R62 R63 R180 D34 D35 a failed signal breaks the runner for good, with the first error, counted once, after all signals', async () => {
    await inSimulation(async (sim) => {
      const metrics = createMemoryMetrics();
      const failing = async (ms: number, text: string): Promise<void> => {
        await sim.sleep(ms);
        throw new Error(text);
      };
      const filer = createVirtualFiler();
      const filers: RunTypeMap = new Map([
        ['scoot', { filer, init: failing(20, 'second') }],
        ['bazel', { filer, init: failing(10, 'first') }],
      ]);
      const runner = createSimulatedRunner(sim.world, { filers, metrics });
      await sim.sleep(15);
      expect(metrics.value('workerDownloadInitFailure')).toBe(0);
      expect((await codeOf(runner.run({ argv: ['complete 0'] })))[0]).toBe('RUNNER_INITIALIZING');
      await sim.sleep(10);
      expect(metrics.value('workerDownloadInitFailure')).toBe(1);
      expect((await runner.statusAll()).service).toEqual({
        initialized: false,
        isHealthy: false,
        error: 'first',
      });
      expect(await codeOf(runner.run({ argv: ['complete 0'] }))).toEqual([
        'RUNNER_BROKEN',
        'Failed initialization, queue permanently broken.',
        'first',
      ]);
      await runner.release();
    });
  });

  test('R56 R61 the readiness of a runner can be awaited', async () => {
    await inSimulation(async (sim) => {
      const filers: RunTypeMap = new Map([['scoot', { filer: createVirtualFiler(), init: sim.sleep(30) }]]);
      const runner = createSimulatedRunner(sim.world, { filers });
      const service = await runner.shareStore().awaitService(({ initialized }) => initialized, waitForever());
      expect([service?.isHealthy, sim.now()]).toEqual([true, 30]);
      await runner.release();
    });
  });

  test('R86 a release while initializing leaves nothing, and a late signal changes nothing', async () => {
    await inSimulation(async (sim) => {
      const filers: RunTypeMap = new Map([['scoot', { filer: createVirtualFiler(), init: sim.sleep(30) }]]);
      const runner = createSimulatedRunner(sim.world, { filers });
      await runner.release();
      await sim.sleep(40);
      expect(runner.shareStore().serviceStatus.initialized).toBe(false);
    });
  });
});

describe('updates', () => {
  test('R75 a filer with an interval asks for an update every interval from initialization on, one with 0 never', async () => {
    await inSimulation(async (sim) => {
      const log: string[] = [];
      const never = createCountingUpdater();
      const runner = createSimulatedRunner(sim.world, {
        filers: mapOf(updating(sim, log, 'a', 100), { ...updating(sim, log, 'b', 0) }),
      });
      await sim.sleep(350);
      expect(log.filter((line) => !line.startsWith('/'))).toEqual(['a 100', 'a 200', 'a 300']);
      expect(never.count).toBe(0);
      await runner.release();
    });
  });

  test.for([-1, NaN, Infinity])(
    'R75 D37 an interval of %d is refused at construction',
    async (intervalMs) => {
      await inSimulation((sim) => {
        expect(() =>
          createSimulatedRunner(sim.world, { filers: mapOf(updating(sim, [], 'a', intervalMs)) }),
        ).toThrow(/filers.get\(scoot\).filer.updateIntervalMs: expected a finite number ≥ 0/);
      });
    },
  );

  test.for([-1, NaN])('a bound of %d on its cancel is refused at construction', async (cancelBoundMs) => {
    await inSimulation((sim) => {
      const filer = Object.assign(updating(sim, [], 'a', 100), { cancelBoundMs });
      expect(() => createSimulatedRunner(sim.world, { filers: mapOf(filer) })).toThrow(
        /filers.get\(scoot\).filer.cancelBoundMs: expected a number ≥ 0/,
      );
    });
  });

  test('R76 R77 a request during a run is remembered, several as one, and carried out before the next queued run', async () => {
    await inSimulation(async (sim) => {
      const log: string[] = [];
      const runner = createSimulatedRunner(sim.world, {
        capacity: 2,
        filers: mapOf(updating(sim, log, 'a', 100, { ms: 30 })),
      });
      await runner.run({ argv: ['sleep 350'] });
      await runner.run({ argv: ['sleep 10'] });
      await finalStatus(runner, '0');
      expect([log, sim.now()]).toEqual([['a 350'], 350]);
      await finalStatus(runner, '1');
      expect([log, sim.now()]).toEqual([['a 350', '/a 380'], 390]);
      await runner.release();
    });
  });

  test('R78 a request during an update is remembered, but a waiting run gets its turn first', async () => {
    await inSimulation(async (sim) => {
      const log: string[] = [];
      const runner = createSimulatedRunner(sim.world, {
        capacity: 2,
        filers: mapOf(updating(sim, log, 'a', 100, { ms: 130 })),
      });
      await sim.sleep(110);
      await runner.run({ argv: ['sleep 40'] });
      await finalStatus(runner, '0');
      expect(sim.now()).toBe(230 + 40);
      expect(log).toEqual(['a 100', '/a 230', 'a 270']);
      await runner.release();
    });
  });

  test('R79 one pass updates the filers that asked, one after another in a fixed order; an error is recorded and changes nothing', async () => {
    const verdict = await inSimulation(async (sim) => {
      const log: string[] = [];
      const runner = createSimulatedRunner(sim.world, {
        filers: mapOf(
          updating(sim, log, 'a', 100, { ms: 10, error: new Error('no network') }),
          updating(sim, log, 'b', 100, { ms: 5 }),
        ),
      });
      await sim.sleep(95);
      await runner.run({ argv: ['sleep 20'] });
      await finalStatus(runner, '0');
      await sim.sleep(20);
      expect(log).toEqual(['a 115', '/a 125', 'b 125', '/b 130']);
      expect((await runner.statusAll()).service).toEqual({ initialized: true, isHealthy: true, error: '' });
      await runner.release();
    });
    expect(verdict.trace().filter(({ type }) => type === 'recorded')).toMatchObject([
      { what: 'update scoot', error: 'no network' },
    ]);
  });

  test('R80 during an update a run is accepted and stays PENDING; it can be aborted (R71)', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, {
        capacity: 2,
        filers: mapOf(updating(sim, [], 'a', 100, { ms: 50 })),
      });
      await sim.sleep(110);
      await runner.run({ argv: ['complete 0'] });
      await runner.run({ argv: ['complete 0'] });
      await sim.sleep(20);
      expect((await runner.status('0')).status.state).toBe('PENDING');
      expect((await runner.abort('1')).state).toBe('ABORTED');
      await finalStatus(runner, '0');
      expect(sim.now()).toBe(150);
      await runner.release();
    });
  });

  test('R80 D38 an update that hangs is cancelled at its limit, given up at its bound, and shown until the next one succeeds', async () => {
    const verdict = await inSimulation(async (sim) => {
      const log: string[] = [];
      let behaviour: Behaviour = { ms: 400, cancelMs: Infinity };
      const filer: Filer = {
        ...updating(sim, log, 'a', 100),
        update: async (cancel) => {
          log.push(`a ${sim.now()}`);
          await behave(sim, 'update', behaviour, cancel);
        },
      };
      const runner = createSimulatedRunner(sim.world, { filers: mapOf(filer), updateLimitMs: 60 });
      await sim.sleep(105);
      await runner.run({ argv: ['complete 0'] });
      await finalStatus(runner, '0');
      expect(sim.now()).toBe(100 + 60 + 50);
      expect((await runner.statusAll()).service).toEqual({
        initialized: true,
        isHealthy: true,
        error: 'update of filer scoot took longer than 60 ms',
      });
      await sim.sleep(250);
      // The one that was given up still hangs, and nobody asks the filer for another before it has come back.
      expect(log).toEqual(['a 100']);
      behaviour = {};
      await sim.sleep(150);
      expect(log).toEqual(['a 100', 'a 600']);
      expect((await runner.statusAll()).service.error).toBe('');
      await runner.release();
    });
    expect(verdict.trace().filter(({ type }) => type === 'abandoned')).toMatchObject([
      { at: 210, resource: 'update', name: 'scoot' },
    ]);
  });

  test.for([
    [40, 50, 100 + 40, ''],
    [500, 50, 100 + 60 + 10, 'update of filer scoot took longer than 60 ms'],
    [500, Infinity, 100 + 60 + 10, 'update of filer scoot took longer than 60 ms'],
  ] as const)(
    'R80 an update of %i ms (bound %d ms) with a limit of 60 lets the run go on at %i ms, and shows "%s"',
    async ([ms, boundMs, endMs, error]) => {
      await inSimulation(async (sim) => {
        const runner = createSimulatedRunner(sim.world, {
          filers: mapOf(updating(sim, [], 'a', 100, { ms, cancelMs: 10, boundMs })),
          updateLimitMs: 60,
        });
        await sim.sleep(105);
        await runner.run({ argv: ['complete 0'] });
        await finalStatus(runner, '0');
        expect(sim.now()).toBe(endMs);
        expect((await runner.statusAll()).service).toEqual({ initialized: true, isHealthy: true, error });
        await runner.release();
      });
    },
  );

  test('R80 the fault of one filer is shown until its own next update keeps the limit, whatever others do', async () => {
    await inSimulation(async (sim) => {
      const log: string[] = [];
      let slow: Behaviour = { ms: 450, cancelMs: Infinity };
      const first: Filer = {
        ...updating(sim, log, 'a', 100),
        update: (cancel) => behave(sim, 'update a', slow, cancel),
      };
      let late: Behaviour = {};
      const second: Filer = {
        ...updating(sim, log, 'b', 160),
        update: (cancel) => behave(sim, 'update b', late, cancel),
      };
      const runner = createSimulatedRunner(sim.world, { filers: mapOf(first, second), updateLimitMs: 60 });
      const shown: string[] = [];
      const look = async (ms: number): Promise<void> => {
        await sim.sleep(ms - sim.now());
        shown.push(`${ms} ${(await runner.statusAll()).service.error}`);
      };
      await look(250); // The first is abandoned at 210.
      await look(350); // The second has been updated at 320.
      late = { ms: 70, cancelMs: 10 };
      await look(560); // The second was late at 540; the first returned at 550.
      slow = {};
      await look(590);
      late = {};
      await look(620); // The first is updated in time at 600.
      await look(780); // So is the second at 640.
      const of = (filer: string): string => `update of filer ${filer} took longer than 60 ms`;
      expect(shown).toEqual([
        `250 ${of('scoot')}`,
        `350 ${of('scoot')}`,
        `560 ${of('scoot')}`,
        `590 ${of('scoot')}`,
        `620 ${of('bazel')}`,
        '780 ',
      ]);
      await runner.release();
    });
  });

  test('R86 an update that releases the runner ends at the bound of its cancel at most, once, and leaves no timer', async () => {
    for (const ms of [5, 700]) {
      const verdict = await inSimulation(async (sim) => {
        const filer: Filer = {
          ...updating(sim, [], 'a', 100, { boundMs: 40 }),
          update: () => {
            void runner.release();
            return sim.sleep(ms);
          },
        };
        const runner = createSimulatedRunner(sim.world, { filers: mapOf(filer), updateLimitMs: 50 });
        await sim.sleep(100.5);
        await runner.release();
        expect(sim.now()).toBe(100 + Math.min(ms, 40));
        await sim.sleep(1_000);
      });
      const ends = verdict
        .trace()
        .filter((event) => 'resource' in event && event.resource === 'update')
        .map(({ at, type }) => `${at} ${type}`);
      expect(ends).toEqual(['100 acquired', ms === 5 ? '105 freed' : '140 abandoned']);
    }
  });

  test('R86 D28 a release in the middle of an update cancels it, waits for its bound at most, and leaves no timer', async () => {
    await inSimulation(async (sim) => {
      for (const cancelMs of [10, Infinity]) {
        const runner = createSimulatedRunner(sim.world, {
          filers: mapOf(updating(sim, [], 'a', 100, { ms: 700, cancelMs, boundMs: 50 })),
        });
        await sim.sleep(110);
        const startedAt = sim.now();
        await runner.release();
        expect(sim.now() - startedAt).toBe(Math.min(cancelMs, 50));
        await sim.sleep(1_000);
      }
    });
  });

  test('R85 R200 a release cancels the update of a filer without a bound, waits for it, and ends every accepted run', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, {
        filers: mapOf(updating(sim, [], 'a', 100, { ms: 700, cancelMs: 10, boundMs: Infinity })),
      });
      await sim.sleep(110);
      await runner.run({ argv: ['complete 0'] });
      await runner.release();
      expect(sim.now()).toBe(120);
      expect((await runner.status('0')).status.state).toBe('ABORTED');
    });
  });

  test('R79 R86 after a release in the middle of a pass, the filers that are left are not updated', async () => {
    await inSimulation(async (sim) => {
      const log: string[] = [];
      const runner = createSimulatedRunner(sim.world, {
        filers: mapOf(updating(sim, log, 'a', 100, { ms: 50, cancelMs: 10 }), updating(sim, log, 'b', 100)),
      });
      await sim.sleep(110);
      await runner.release();
      expect(log).toEqual(['a 100', '/a 120']);
    });
  });

  test('R79 R82 a successful update reports nothing, and does not heal an unhealthy runner', async () => {
    const verdict = await inSimulation(async (sim) => {
      const broken = (): Promise<never> => Promise.reject(new ExitCodeError(241, 'full'));
      const runner = createSimulatedRunner(sim.world, {
        filers: mapOf({ ...updating(sim, [], 'a', 100, { ms: 5 }), checkout: broken }),
      });
      await sim.sleep(250);
      await runner.run({ argv: ['complete 0'], snapshotId: 's' });
      await sim.sleep(200);
      expect((await runner.statusAll()).service).toEqual({
        initialized: true,
        isHealthy: false,
        error: 'exit code 241: full',
      });
      await runner.release();
    });
    const changes = verdict.trace().filter(({ type }) => type === 'service');
    expect(changes.map(({ at }) => at)).toEqual([0, 250]);
  });

  test.for([-1, NaN])('R80 an update limit of %d is refused', async (updateLimitMs) => {
    await inSimulation((sim) => {
      const filers = mapOf(updating(sim, [], 'a', 100));
      expect(() => createSimulatedRunner(sim.world, { filers, updateLimitMs })).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          message: `updateLimitMs: expected a number ≥ 0, got ${updateLimitMs}`,
        }),
      );
    });
  });

  test.for<readonly [string, (world: World, options: object) => unknown]>([
    ['fake', (world, options) => createFakeRunner(world, options)],
    ['remote', (world, options) => createRemoteRunner(world, options as RemoteRunnerOptions)],
  ])('a %s runner, which has no filers, takes no update limit', async ([, create]) => {
    await inSimulation((sim) => {
      expect(() => create(sim.world, { updateLimitMs: 5 })).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          message: expect.stringMatching(
            /^options: expected only the fields .*, got a field "updateLimitMs"/,
          ),
        }),
      );
    });
  });

  test('R76 D28 a release at the very tick of an interval, in any order, leaves nothing', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      await inSimulation(
        async (sim) => {
          const runner = createSimulatedRunner(sim.world, {
            filers: mapOf(updating(sim, [], 'a', 10, { ms: 5 })),
          });
          await runner.run({ argv: ['sleep 10'] });
          await sim.sleep(10);
          await runner.release();
        },
        { seed },
      );
    }
  });
});
