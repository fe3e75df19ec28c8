import { describe, expect, test } from 'vitest';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import type { LogUploader } from '../../../src/model/collaborators.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { inSimulation } from '../in-simulation.ts';
import { filersOf, invoke, labFiler, labUploader, makeLab } from '../lab.ts';

describe('uploads', () => {
  test('R113 R114 R178 put stdlog, stderr, stdout into one folder per run, become the refs, and are counted', async () => {
    const folders = new Set<string>();
    for (const seed of [1, 2]) {
      await inSimulation(
        async (sim) => {
          const names: string[] = [];
          const lab = makeLab(sim, (parts) => {
            const uploader = labUploader(parts, { ms: 10 });
            return {
              uploader: {
                ...uploader,
                upload: (name, log, cancel) => {
                  names.push(name);
                  return uploader.upload(name, log, cancel);
                },
              },
            };
          });
          const status = await invoke(lab, { argv: ['complete 0'], jobId: 'job5' }).ended;
          const [folder = ''] = (names[0] ?? '').split('/');
          folders.add(folder);
          expect(folder).toMatch(/^job5_[0-9a-f]{8}$/);
          expect(names).toEqual([`${folder}/stdlog`, `${folder}/stderr`, `${folder}/stdout`]);
          expect(status.stdoutRef).toBe(`https://logs/${folder}/stdout`);
          expect(status.stderrRef).toBe(`https://logs/${folder}/stderr`);
          expect(lab.metrics.value('workerUploads')).toBe(3);
          expect(lab.metrics.value('workerLogUploadFailures')).toBe(0);
          expect(lab.metrics.values('workerLogUploadLatency_ms')).toEqual([10, 10, 10]);
          expect(lab.metrics.values('workerUploadLatency_ms')).toEqual([30]);
        },
        { seed },
      );
    }
    expect(folders.size).toBe(2);
  });

  test('R113 put the runs of several runners, and of one that is made again, into folders of their own', async () => {
    const folders: string[] = [];
    await inSimulation(async (sim) => {
      const uploader: LogUploader = {
        cancelBoundMs: 10,
        upload: (name) => {
          folders.push(name.slice(0, name.indexOf('/')));
          return `https://logs/${name}`;
        },
      };
      for (const name of ['worker-a', 'worker-b', 'worker-a']) {
        const runner = createSimulatedRunner(sim.world, { name, uploader });
        for (const expected of ['0', '1']) {
          const { runId } = await runner.run({ argv: ['complete 0'], jobId: 'job5' });
          await finalStatus(runner, runId);
          expect(runId).toBe(expected);
        }
        await runner.release();
        if (name === 'worker-b') await sim.sleep(10);
      }
    });
    expect(folders).toHaveLength(18);
    expect(new Set(folders).size).toBe(6);
  });

  test('R114 R178 a failed upload is counted, keeps the local ref and changes no outcome', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => {
        const uploader = labUploader(parts, { ms: 10 });
        return {
          uploader: {
            ...uploader,
            upload: (name, log, cancel) => {
              if (name.endsWith('/stdout')) throw new Error('bucket is gone');
              return uploader.upload(name, log, cancel);
            },
          },
        };
      });
      const status = await invoke(lab, { argv: ['complete 2'] }).ended;
      expect(status).toMatchObject({
        state: 'COMPLETE',
        exitCode: 2,
        error: '',
        stdoutRef: 'memory:///7-stdout-0',
      });
      expect(status.stderrRef).toMatch(/^https:/);
      expect(lab.metrics.value('workerUploads')).toBe(2);
      expect(lab.metrics.value('workerLogUploadFailures')).toBe(1);
    });
  });

  test('R114 R178 without an uploader the refs are the local URIs, and nothing is counted', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim);
      const status = await invoke(lab, { argv: ['complete 0'] }).ended;
      expect([status.stdoutRef, status.stderrRef]).toEqual(['memory:///7-stdout-0', 'memory:///7-stderr-1']);
      expect(lab.metrics.values('workerUploadLatency_ms')).toEqual([]);
    });
  });

  test.for([
    ['fail 3 broke', 'FAILED'],
    ['complete 3', 'COMPLETE'],
  ] as const)(
    'R115 D50 "%s" ends %s: only what is not FAILED by itself is uploaded',
    async ([step, state]) => {
      await inSimulation(async (sim) => {
        const lab = makeLab(sim, (parts) => ({ uploader: labUploader(parts) }));
        expect((await invoke(lab, { argv: [step] }).ended).state).toBe(state);
        expect(lab.log.length).toBe(state === 'COMPLETE' ? 3 : 0);
      });
    },
  );
});

describe('gauges and latencies', () => {
  test('R116 R176 D48 runningTask is 1 from start to end, and 0 when the terminal status can be seen', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim);
      const seen: unknown[] = [];
      const run = invoke(lab, { argv: ['sleep 40'] });
      seen.push(lab.metrics.value('runningTask'));
      await sim.sleep(20);
      seen.push(lab.metrics.value('runningTask'));
      await run.ended;
      seen.push(lab.metrics.value('runningTask'));
      expect(seen).toEqual([1, 1, 0]);
      expect(lab.metrics.values('workerTaskLatency_ms')).toEqual([40]);
    });
  });

  test('R116 D48 between two queued runs the gauge is never 0 while the second runs', async () => {
    await inSimulation(async (sim) => {
      const metrics = createMemoryMetrics();
      const runner = createSimulatedRunner(sim.world, { capacity: 2, metrics });
      await runner.run({ argv: ['sleep 10'] });
      await runner.run({ argv: ['sleep 10'] });
      await sim.sleep(5);
      expect(metrics.value('runningTask')).toBe(1);
      await finalStatus(runner, '0');
      await sim.sleep(5);
      expect(metrics.value('runningTask')).toBe(1);
      await finalStatus(runner, '1');
      expect(metrics.value('runningTask')).toBe(0);
      await runner.release();
    });
  });

  test.for([
    ['of a snapshot', { snapshotId: 's' }, {}, 1, [30]],
    ['without snapshot', {}, {}, 0, []],
    ['that fails', { snapshotId: 's' }, { error: new Error('gone') }, 1, [30]],
    ['that a deadline cancels', { snapshotId: 's', timeoutMs: 10 }, {}, 1, []],
  ] as const)(
    'R177 downloads are counted for snapshots only: a checkout %s',
    async ([, command, behaviour, count, latencies]) => {
      await inSimulation(async (sim) => {
        const lab = makeLab(sim, (parts) => ({
          filers: filersOf(labFiler(parts, { ms: 30, ...behaviour })),
        }));
        await invoke(lab, { argv: ['complete 0'], ...command }).ended;
        expect(lab.metrics.value('workerDownloads')).toBe(count);
        expect(lab.metrics.values('workerDownloadLatency_ms')).toEqual(latencies);
      });
    },
  );

  test('R177 the latency of a checkout that an abort cancels is not recorded', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({ filers: filersOf(labFiler(parts, { ms: 30 })) }));
      const run = invoke(lab, { argv: ['complete 0'], snapshotId: 's' });
      await sim.sleep(10);
      run.abort();
      await run.ended;
      expect(lab.metrics.values('workerDownloadLatency_ms')).toEqual([]);
    });
  });

  test.for([
    ['a deadline', ['hang'], {}, [1, 0, 0]],
    ['a deadline and then an abort', ['ignore-term', 'hang'], { abortMs: 20 }, [1, 0, 0]],
    ['an abort alone', ['hang'], { abortMs: 5 }, [0, 0, 0]],
    ['a cap that is passed later', ['mem 10', 'sleep 2', 'mem 2000', 'sleep 50', 'hang'], {}, [0, 1, 0]],
    ['a cap that is passed at the start', ['mem 2000', 'hang'], {}, [0, 1, 1]],
    ['a cap that is not quite reached', ['mem 999', 'sleep 9'], {}, [0, 0, 0]],
  ] as const)(
    'R179 R132 timeouts, passed caps and caps passed at the start are counted once each: %s',
    async ([, argv, { abortMs }, expected]: readonly [
      string,
      readonly string[],
      { readonly abortMs?: number },
      readonly number[],
    ]) => {
      await inSimulation(async (sim) => {
        const metrics = createMemoryMetrics();
        const { clock } = sim.world;
        const execer = createSimExecer({ clock, metrics, memoryCapBytes: 1_000, memoryPeriodMs: 3 });
        const run = invoke(
          makeLab(sim, () => ({ execer, metrics })),
          { argv, timeoutMs: 10 },
        );
        if (abortMs !== undefined) clock.timer('abort', abortMs, () => run.abort());
        await run.ended;
        const counters = ['workerTimeouts', 'memoryCapExceeded', 'highInitialMemoryUtilization'];
        expect(counters.map((name) => metrics.value(name))).toEqual(expected);
      });
    },
  );

  test('R179 the gauge memory shows the bytes that a process holds', async () => {
    await inSimulation(async (sim) => {
      const metrics = createMemoryMetrics();
      const { clock } = sim.world;
      const execer = createSimExecer({ clock, metrics, memoryCapBytes: 1_000 });
      const run = invoke(
        makeLab(sim, () => ({ execer, metrics })),
        { argv: ['mem 123', 'sleep 9'] },
      );
      await sim.sleep(5);
      expect(metrics.value('memory')).toBe(123);
      await run.ended;
    });
  });

  test('R181 the idle latency runs from the creation or the end of a run to the next start', async () => {
    await inSimulation(async (sim) => {
      const metrics = createMemoryMetrics();
      const runner = createSimulatedRunner(sim.world, { capacity: 2, metrics });
      await sim.sleep(15);
      await runner.run({ argv: ['sleep 10'] });
      await runner.run({ argv: ['sleep 10'] });
      await finalStatus(runner, '1');
      await sim.sleep(7);
      await runner.run({ argv: ['complete 0'] });
      await sim.sleep(1);
      expect(metrics.values('workerIdleLatency_ms')).toEqual([15, 0, 7]);
      await runner.release();
    });
  });

  test.for([
    [
      'both sizes',
      [
        new Map([
          ['tmp', 10],
          ['out', 5],
        ]),
        new Map([
          ['tmp', 4],
          ['out', 9],
        ]),
      ],
      { tmp: -6, out: 4 },
    ],
    [
      'a suffix that came later',
      [
        new Map([['tmp', 10]]),
        new Map([
          ['tmp', 12],
          ['new', 1],
        ]),
      ],
      { tmp: 2, new: 0 },
    ],
    ['no size at the end', [new Map([['tmp', 10]]), new Error('unreadable')], { tmp: 0 }],
    ['no size at the start', [new Error('unreadable'), new Map([['tmp', 10]])], { tmp: 0 }],
  ] as const)(
    'R182 commandDirUsage is end less start, if both could be taken: %s',
    async ([, sizes, expected]) => {
      const verdict = await inSimulation(async (sim) => {
        let call = 0;
        const lab = makeLab(sim, () => ({
          dirMonitor: {
            sizesKb: () => {
              const size = sizes[call] as Map<string, number> | Error;
              call += 1;
              if (size instanceof Error) throw size;
              return size;
            },
          },
        }));
        expect((await invoke(lab, { argv: ['sleep 1'] }).ended).state).toBe('COMPLETE');
        for (const [suffix, kb] of Object.entries(expected)) {
          expect(lab.metrics.value(`commandDirUsage_kb_${suffix}`)).toBe(kb);
        }
      });
      const failures = sizes.filter((size) => size instanceof Error).length;
      expect(verdict.trace().filter(({ type }) => type === 'recorded')).toHaveLength(failures);
    },
  );
});
