import { describe, expect, test } from 'vitest';
import { completeProcess } from '../../../src/execers/process-status.ts';
import type { InvokerOptions } from '../../../src/runners/invocation/invoker-parts.ts';
import type { Process, ProcessStatus } from '../../../src/model/execer.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { inSimulation } from '../in-simulation.ts';
import {
  afterHeader,
  filersOf,
  invoke,
  labFiler,
  labProcessor,
  labUploader,
  logTexts,
  makeLab,
  pass,
  slowExecer,
  type Lab,
} from '../lab.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';

const TRAILER = `\n\n${`${'#'.repeat(43)}\n`.repeat(2)}\nFAILED\n`;

function never<T>(): Promise<T> {
  return Promise.race([]);
}

/** Preprocessor 10 ms, checkout 20, exec 5, process 100, three uploads of 10 each, postprocessor 10; bounds of 100. */
function slowLab(sim: Simulation): Lab {
  return makeLab(sim, (parts) => ({
    preprocessors: [labProcessor(parts, 'pre', { ms: 10 })],
    filers: filersOf(labFiler(parts, { ms: 20 })),
    execer: slowExecer(parts.execer, async (begin) => {
      await pass(parts, 5);
      parts.log.push('exec');
      return begin();
    }),
    uploader: labUploader(parts, { ms: 10 }),
    postprocessors: [labProcessor(parts, 'post', { ms: 10 })],
  }));
}

const SLOW = { argv: ['stdout begun', 'sleep 100', 'complete 3'], snapshotId: 's' } as const;

function eventsOf(trace: readonly TraceEvent[], type: TraceEvent['type']): TraceEvent[] {
  return trace.filter((event) => event.type === type);
}

function phasesOf(trace: readonly TraceEvent[]): string[] {
  return trace.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
}

describe('an abort', () => {
  test.for([
    // at, when it is over, whether RUNNING was seen, what was done
    [3, 3 + 10, 'ABORTED', false, ['pre', 'post']],
    [15, 15 + 10, 'ABORTED', false, ['pre', 'checkout s', 'cancel s', 'post']],
    [32, 35 + 10, 'ABORTED', false, ['pre', 'checkout s', 'exec', 'release s', 'post']],
    [60, 60 + 10, 'ABORTED', true, ['pre', 'checkout s', 'exec', 'release s', 'post']],
    [140, 140 + 10, 'ABORTED', true, ['pre', 'checkout s', 'exec', 'upload stdlog', 'release s', 'post']],
    [
      156,
      156 + 10,
      'ABORTED',
      true,
      ['pre', 'checkout s', 'exec', 'upload stdlog', 'upload stderr', 'upload stdout', 'release s', 'post'],
    ],
    [
      168,
      175,
      'COMPLETE',
      true,
      ['pre', 'checkout s', 'exec', 'upload stdlog', 'upload stderr', 'upload stdout', 'release s', 'post'],
    ],
  ] as const)(
    'R105 R106 R107 R108 R109 D42 D43 at %i ms ends at %i ms as %s',
    async ([abortMs, endMs, state, ran, log]) => {
      await inSimulation(async (sim) => {
        const lab = slowLab(sim);
        const run = invoke(lab, SLOW);
        await sim.sleep(abortMs);
        run.abort();
        const status = await run.ended;
        expect([status.state, sim.now()]).toEqual([state, endMs]);
        expect(run.statuses.some((seen) => seen.state === 'RUNNING')).toBe(ran);
        expect(lab.log).toEqual(log);
        expect(lab.execer.livingProcesses).toBe(0);
      });
    },
  );

  test('R105 is remembered: requested before anything could start, it still stops the run', async () => {
    await inSimulation(async (sim) => {
      const lab = slowLab(sim);
      const run = invoke(lab, SLOW);
      run.abort();
      run.abort();
      expect((await run.ended).state).toBe('ABORTED');
      expect(lab.log).toEqual(['pre', 'post']);
    });
  });

  test('R107 D51 while running: the trailer is the last thing in every log, nothing is uploaded, the refs stay', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({ uploader: labUploader(parts) }));
      const run = invoke(lab, { argv: ['ignore-term', 'stdout a', 'sleep 50', 'stdout b', 'hang'] });
      await sim.sleep(20);
      run.abort();
      const status = await run.ended;
      expect(sim.now()).toBe(20 + 10_000);
      expect(afterHeader(logTexts(lab).stdout)).toBe(`ab${TRAILER}Task aborted\n`);
      expect(afterHeader(logTexts(lab).stderr)).toBe(`${TRAILER}Task aborted\n`);
      expect(lab.log).toEqual([]);
      expect([status.stdoutRef, status.stderrRef, status.error]).toEqual(['', '', '']);
    });
  });

  test('R94 R106 D44 of a checkout that still succeeds releases it', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        filers: filersOf(labFiler(parts, { ms: 60, cancelMs: Infinity })),
      }));
      const run = invoke(lab, { argv: ['complete 0'], snapshotId: 's' });
      await sim.sleep(10);
      run.abort();
      expect((await run.ended).state).toBe('ABORTED');
      expect(sim.now()).toBe(60);
      expect(lab.log).toEqual(['checkout s', 'cancel s', 'release s']);
    });
  });

  test('R106 D44 of a checkout that ignores it holds the run only for its bound; the checkout is abandoned and released when it comes', async () => {
    const verdict = await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        filers: filersOf(labFiler(parts, { ms: 5_000, cancelMs: Infinity })),
      }));
      const run = invoke(lab, { argv: ['complete 0'], snapshotId: 's' });
      await sim.sleep(10);
      run.abort();
      expect((await run.ended).state).toBe('ABORTED');
      expect(sim.now()).toBe(10 + 100);
      expect(lab.log).toEqual(['checkout s', 'cancel s']);
      await sim.sleep(10_000);
      expect(lab.log).toEqual(['checkout s', 'cancel s', 'release s']);
    });
    expect(eventsOf(verdict.trace(), 'abandoned')).toMatchObject([
      { at: 110, resource: 'checkout', name: 's' },
    ]);
  });

  test('R106 R199 a collaborator that returns exactly at its bound has met it', async () => {
    const verdict = await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        filers: filersOf(labFiler(parts, { ms: 5_000, cancelMs: 100 })),
      }));
      const run = invoke(lab, { argv: ['complete 0'], snapshotId: 's' });
      await sim.sleep(10);
      run.abort();
      await run.ended;
      expect(sim.now()).toBe(110);
    });
    expect(eventsOf(verdict.trace(), 'abandoned')).toEqual([]);
  });

  test.for(['deaf', 'failing', 'throwing'] as const)(
    'R108 D41 during the upload wins over COMPLETE whatever the uploader does: %s',
    async (kind) => {
      await inSimulation(async (sim) => {
        const lab = makeLab(sim, (parts) => ({
          uploader: {
            cancelBoundMs: 100,
            upload: (_name, _log, cancel) => {
              if (kind === 'deaf') return never<string>();
              return new Promise<string>((_resolve, reject) => {
                if (kind === 'throwing') {
                  cancel.signal.addEventListener('abort', () => reject(new Error('stopped')));
                } else parts.sim.world.clock.timer('upload fails', 50, () => reject(new Error('broke')));
              });
            },
          },
        }));
        const run = invoke(lab, { argv: ['complete 0'] });
        await sim.sleep(10);
        run.abort();
        expect((await run.ended).state).toBe('ABORTED');
        expect(sim.now()).toBe({ deaf: 110, failing: 50, throwing: 10 }[kind]);
      });
    },
  );

  test('R108 D41 at the very instant when the last upload returns ends the run either way, and the order is a decision', async () => {
    const states = new Set<string>();
    for (let seed = 0; seed < 20; seed += 1) {
      await inSimulation(
        async (sim) => {
          const lab = makeLab(sim, (parts) => ({ uploader: labUploader(parts, { ms: 10 }) }));
          const run = invoke(lab, { argv: ['complete 0'] });
          sim.world.clock.timer('abort', 30, () => run.abort());
          states.add((await run.ended).state);
          expect(sim.now()).toBe(30);
          await sim.sleep(1);
        },
        { seed },
      );
    }
    expect([...states].sort()).toEqual(['ABORTED', 'COMPLETE']);
  });

  test('R108 during the upload of a run past its deadline replaces TIMEDOUT', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({ uploader: labUploader(parts, { ms: 10 }) }));
      const run = invoke(lab, { argv: ['hang'], timeoutMs: 50 });
      await sim.sleep(55);
      run.abort();
      expect((await run.ended).state).toBe('ABORTED');
    });
  });

  test('R199 too late for the outcome, it still does not wait for a release or a postprocessor that hangs', async () => {
    const verdict = await inSimulation(async (sim) => {
      const hung = never<void>();
      const lab = makeLab(sim, (parts) => ({
        filers: filersOf({
          ...labFiler(parts),
          checkout: (id) => ({ id, path: '/p', release: () => hung }),
        }),
        postprocessors: [labProcessor(parts, 'post', { ms: Infinity, cancelMs: Infinity })],
      }));
      const run = invoke(lab, { argv: ['complete 5'], snapshotId: 's' });
      await sim.sleep(10);
      run.abort();
      expect(await run.ended).toMatchObject({ state: 'COMPLETE', exitCode: 5 });
      expect(sim.now()).toBe(10 + 100 + 100);
    });
    expect(eventsOf(verdict.trace(), 'abandoned')).toMatchObject([{ resource: 'checkout', at: 110 }]);
  });

  test('R199 does not wait for a process that cannot be stopped, beyond the execer’s bound', async () => {
    const verdict = await inSimulation(async (sim) => {
      const hung = never<ProcessStatus>();
      const zombie: Process = { wait: () => hung, abort: () => hung };
      const lab = makeLab(sim, () => ({ execer: { cancelBoundMs: 30, exec: () => zombie } }));
      const run = invoke(lab, { argv: ['x'] });
      await sim.sleep(10);
      run.abort();
      expect((await run.ended).state).toBe('ABORTED');
      expect(sim.now()).toBe(40);
    });
    expect(eventsOf(verdict.trace(), 'abandoned')).toMatchObject([{ resource: 'process', at: 40 }]);
  });

  test('R105 a process that starts after the run gave it up is stopped at once', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        execer: {
          cancelBoundMs: 30,
          exec: async (command) => {
            await pass(parts, 200);
            return parts.execer.exec(command);
          },
        },
      }));
      const run = invoke(lab, { argv: ['hang'] });
      await sim.sleep(10);
      run.abort();
      expect((await run.ended).state).toBe('ABORTED');
      expect([sim.now(), run.statuses.length]).toEqual([40, 1]);
      await sim.sleep(500);
      expect(lab.execer.livingProcesses).toBe(0);
    });
  });
});

describe('a deadline', () => {
  test.for([
    [4, 4 + 10, false, ['pre', 'post']],
    [15, 15 + 10, false, ['pre', 'checkout s', 'cancel s', 'post']],
    [
      32,
      35 + 30 + 10,
      false,
      ['pre', 'checkout s', 'exec', 'upload stdlog', 'upload stderr', 'upload stdout', 'release s', 'post'],
    ],
    [
      60,
      60 + 30 + 10,
      true,
      ['pre', 'checkout s', 'exec', 'upload stdlog', 'upload stderr', 'upload stdout', 'release s', 'post'],
    ],
  ] as const)(
    'R100 R101 R102 R115 D42 at %i ms, counted from the start of the invocation, is over at %i ms',
    async ([timeoutMs, endMs, ran, log]) => {
      await inSimulation(async (sim) => {
        await sim.sleep(1_000);
        const lab = slowLab(sim);
        const run = invoke(lab, { ...SLOW, timeoutMs });
        const status = await run.ended;
        expect([status.state, sim.now() - 1_000]).toEqual(['TIMEDOUT', endMs]);
        expect(run.statuses.some(({ state }) => state === 'RUNNING')).toBe(ran);
        expect(lab.log).toEqual(log);
        expect(lab.metrics.value('workerTimeouts')).toBe(1);
        expect(lab.execer.livingProcesses).toBe(0);
      });
    },
  );

  test('R101 while running: the trailer names the timeout, and the uploaded refs are in the status', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({ uploader: labUploader(parts) }));
      const status = await invoke(lab, { argv: ['stdout a', 'hang'], timeoutMs: 90_000, jobId: 'j' }).ended;
      expect(afterHeader(logTexts(lab).stdlog)).toBe(`a${TRAILER}Task exceeded timeout 1m30s\n`);
      expect(status.stdoutRef).toMatch(/^https:\/\/logs\/j_[0-9a-f]{8}\/stdout$/);
    });
  });

  test('R101 R113 the uploaded logs of a stopped run end with the trailer', async () => {
    await inSimulation(async (sim) => {
      const uploaded: string[] = [];
      const lab = makeLab(sim, (parts) => ({
        uploader: {
          ...labUploader(parts),
          upload: (name, log) => {
            uploaded.push(afterHeader(lab.outputs.find(log.uri)?.text() ?? ''));
            return `https://logs/${name}`;
          },
        },
      }));
      await invoke(lab, { argv: ['stdout a', 'hang'], timeoutMs: 90_000 }).ended;
      const trailer = `${TRAILER}Task exceeded timeout 1m30s\n`;
      expect(uploaded).toEqual([`a${trailer}`, trailer, `a${trailer}`]);
    });
  });

  // Recordings have these phases, so that a run that has others cannot be replayed.
  const BEFORE_UPLOAD = ['checkout', 'outputs'];
  const FROM_UPLOAD = ['upload', 'close', 'release', 'end'];

  test.for<
    [string, string[], number, (parts: Omit<Lab, 'options'>, log: string[]) => Partial<InvokerOptions>]
  >([
    [
      'the outputs are opened',
      BEFORE_UPLOAD,
      0,
      (parts) => ({
        outputs: {
          async create(id) {
            if (id.endsWith('stderr')) await pass(parts, 95_000);
            return parts.outputs.create(id);
          },
        },
        dirMonitor: undefined,
      }),
    ],
    [
      'the directories are measured',
      BEFORE_UPLOAD,
      1,
      (parts, log) => ({
        dirMonitor: {
          async sizesKb() {
            log.push('measure');
            await pass(parts, 95_000);
            return new Map([['a', 1]]);
          },
        },
      }),
    ],
    [
      'the process is being started',
      [...BEFORE_UPLOAD, 'exec'],
      1,
      (_, log) => ({
        execer: { cancelBoundMs: 10, exec: never },
        dirMonitor: {
          sizesKb() {
            log.push('measure');
            return new Map([['a', 1]]);
          },
        },
      }),
    ],
  ])(
    'R88 R101 R102 R113 the same at a deadline while %s, before anything runs',
    async ([, before, times, partsOf]) => {
      const [uploaded, measured]: [string[], string[]] = [[], []];
      const verdict = await inSimulation(async (sim) => {
        const lab = makeLab(sim, (parts) => ({
          ...partsOf(parts, measured),
          localBoundMs: 10_000,
          uploader: {
            ...labUploader(parts),
            upload: (name, log) => {
              uploaded.push(afterHeader(lab.outputs.find(log.uri)?.text() ?? ''));
              return `https://logs/${name}`;
            },
          },
        }));
        const { state } = await invoke(lab, { argv: ['hang'], timeoutMs: 90_000 }).ended;
        const trailer = `${TRAILER}Task exceeded timeout 1m30s\n`;
        expect([state, uploaded]).toEqual(['TIMEDOUT', [trailer, trailer, trailer]]);
        expect(afterHeader(logTexts(lab).stdout)).toBe(trailer);
      });
      expect(phasesOf(verdict.trace())).toEqual([...before, ...FROM_UPLOAD]);
      // Nothing has run whose use of them could be measured at the end.
      expect(measured).toHaveLength(times);
    },
  );

  test('R88 R101 at a deadline while the process is being started, the trailer needs no phase of its own', async () => {
    const verdict = await inSimulation(async (sim) => {
      const lab = makeLab(sim, () => ({ execer: { cancelBoundMs: 10, exec: never } }));
      await invoke(lab, { argv: ['x'], timeoutMs: 90_000 }).ended;
      expect(afterHeader(logTexts(lab).stdout)).toBe(`${TRAILER}Task exceeded timeout 1m30s\n`);
    });
    expect(phasesOf(verdict.trace())).toEqual([...BEFORE_UPLOAD, 'exec', 'close', 'release', 'end']);
  });

  /**
   * A run whose process never starts, so that its trailer is written at 90,010 ms; its stderr takes the trailer and the
   * close in so many milliseconds. Uploads take 10 ms each.
   */
  function slowTrailerLab(
    sim: Simulation,
    { trailerMs, closeMs }: { trailerMs: number; closeMs: number },
  ): Lab {
    return makeLab(sim, (parts) => ({
      execer: { cancelBoundMs: 10, exec: never },
      localBoundMs: 10_000,
      uploader: labUploader(parts, { ms: 10 }),
      outputs: {
        create(id) {
          const inner = parts.outputs.create(id);
          if (!id.endsWith('stderr')) return inner;
          return {
            uri: inner.uri,
            asFile: () => inner.asFile(),
            write: (chunk) =>
              sim.now() < 90_000 ? inner.write(chunk) : pass(parts, trailerMs).then(() => inner.write(chunk)),
            close: () => pass(parts, closeMs).then(() => inner.close()),
          };
        },
      },
    }));
  }

  const UPLOADS = ['upload stdlog', 'upload stderr', 'upload stdout'];

  test.for([
    [3_000, 2_000, 90_010 + 3_000 + 30 + 2_000, false],
    [3_000, 1_000_000, 90_010 + 10_000 + 30, false],
    [1_000_000, 0, 90_010 + 10_000 + 30, true],
    [1_000_000, 1_000_000, 90_010 + 10_000 + 30, true],
  ] as const)(
    'R102 R113 a trailer that is taken in %i ms and a close in %i share one bound, and the logs are uploaded',
    async ([trailerMs, closeMs, endMs, isGivenUp]) => {
      const verdict = await inSimulation(async (sim) => {
        const lab = slowTrailerLab(sim, { trailerMs, closeMs });
        const { state } = await invoke(lab, { argv: ['x'], timeoutMs: 90_000 }).ended;
        expect([state, sim.now()]).toEqual(['TIMEDOUT', endMs]);
        expect(lab.log).toEqual(UPLOADS);
        await sim.sleep(2_000_000);
      });
      expect(phasesOf(verdict.trace())).toEqual([...BEFORE_UPLOAD, 'exec', ...FROM_UPLOAD]);
      const recorded = JSON.stringify(eventsOf(verdict.trace(), 'recorded'));
      expect(recorded.includes('the trailer was not taken within the bound')).toBe(isGivenUp);
    },
  );

  test.for([
    [50, 90_060],
    [1_000_000, 90_120],
  ] as const)(
    'R108 R199 an abort while that trailer is taken in %i ms: nothing is uploaded, within the bound of the upload',
    async ([trailerMs, endMs]) => {
      await inSimulation(async (sim) => {
        const lab = slowTrailerLab(sim, { trailerMs, closeMs: 0 });
        const run = invoke(lab, { argv: ['x'], timeoutMs: 90_000 });
        await sim.sleep(90_020);
        run.abort();
        expect((await run.ended).state).toBe('ABORTED');
        expect(sim.now()).toBe(endMs);
        expect(lab.log).toEqual([]);
        await sim.sleep(2_000_000);
      });
    },
  );

  /** Ends by itself at 50 ms, which `wait` says at 120. */
  function endedProcess(sim: Simulation): Process {
    const ended = pass({ sim }, 120).then(() => completeProcess(3));
    const hasEnded = (): boolean => sim.now() >= 50;
    return { wait: () => ended, abort: () => ended, hasEnded };
  }

  test.for([
    [60, 'COMPLETE', 3, 0],
    [40, 'TIMEDOUT', 0, 1],
  ] as const)(
    'R103 at %i ms, of a process that ends at 50 and says so at 120: %s',
    async ([timeoutMs, state, exitCode, timeouts]) => {
      await inSimulation(async (sim) => {
        const lab = makeLab(sim, () => ({
          execer: { cancelBoundMs: 500, exec: () => endedProcess(sim) },
        }));
        const status = await invoke(lab, { argv: ['x'], timeoutMs }).ended;
        expect([status.state, status.exitCode, sim.now()]).toEqual([state, exitCode, 120]);
        expect(lab.metrics.value('workerTimeouts')).toBe(timeouts);
        expect(afterHeader(logTexts(lab).stdlog).includes('Task exceeded')).toBe(timeouts === 1);
      });
    },
  );

  test('R102 R103 of a process that has ended and never says so: the run ends within the bound of a stop', async () => {
    await inSimulation(async (sim) => {
      const process: Process = { wait: never, abort: never, hasEnded: () => true };
      const lab = makeLab(sim, () => ({ execer: { cancelBoundMs: 500, exec: () => process } }));
      const status = await invoke(lab, { argv: ['x'], timeoutMs: 60 }).ended;
      expect([status.state, status.error, sim.now()]).toEqual([
        'FAILED',
        'error execing: the process could not be stopped',
        560,
      ]);
    });
  });

  test('R101 R115 while it starts: a process that has ended by then does not hurry the uploads', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        execer: slowExecer(parts.execer, async (begin) => {
          await pass(parts, 20);
          return begin();
        }),
        uploader: { ...labUploader(parts, { ms: 1_000 }), cancelBoundMs: 10 },
      }));
      const status = await invoke(lab, { argv: ['complete 0'], timeoutMs: 10 }).ended;
      expect([status.state, sim.now()]).toEqual(['TIMEDOUT', 20 + 3_000]);
      expect(lab.metrics.value('workerUploads')).toBe(3);
    });
  });

  test.for([0, -5])('R16 R100 a timeout of %i ms means none', async (timeoutMs) => {
    await inSimulation(async (sim) => {
      const run = invoke(makeLab(sim), { argv: ['sleep 86400000', 'complete 1'], timeoutMs });
      expect((await run.ended).state).toBe('COMPLETE');
    });
  });

  test('R103 after the process has ended changes nothing, however long the upload takes', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({ uploader: labUploader(parts, { ms: 1_000 }) }));
      const status = await invoke(lab, { argv: ['sleep 40', 'complete 6'], timeoutMs: 50 }).ended;
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 6 });
      expect(sim.now()).toBe(3_040);
      expect(lab.metrics.value('workerTimeouts')).toBe(0);
    });
  });

  test.for([
    [
      'a release',
      0,
      (lab: Omit<Lab, 'options'>) => ({
        filers: filersOf({
          ...labFiler(lab, { boundMs: 30 }),
          checkout: (id) => ({ id, path: '/s', release: never }),
        }),
      }),
    ],
    [
      'a postprocessor',
      0,
      (lab: Omit<Lab, 'options'>) => ({
        postprocessors: [
          { ...labProcessor(lab, 'deaf', { ms: Infinity, cancelMs: Infinity }), cancelBoundMs: 30 },
        ],
      }),
    ],
    [
      'a postprocessor after the upload',
      300,
      (lab: Omit<Lab, 'options'>) => ({
        uploader: { ...labUploader(lab, { ms: 100 }), cancelBoundMs: 10 },
        postprocessors: [
          { ...labProcessor(lab, 'deaf', { ms: Infinity, cancelMs: Infinity }), cancelBoundMs: 30 },
        ],
      }),
    ],
  ] as const)(
    'R102 R103 %s that hangs after the process ended is held to its bound',
    async ([, uploadMs, replace]) => {
      for (const argv of [['sleep 40', 'complete 6'], ['no such step']]) {
        await inSimulation(
          async (sim) => {
            const lab = makeLab(sim, replace);
            const status = await invoke(lab, { argv, snapshotId: 's', timeoutMs: 50 }).ended;
            const isStarted = argv.length === 2;
            expect(status.state).toBe(isStarted ? 'COMPLETE' : 'FAILED');
            expect(sim.now()).toBe(isStarted && uploadMs > 0 ? 40 + uploadMs + 30 : 50 + 30);
            expect(lab.metrics.value('workerTimeouts')).toBe(0);
          },
          { leftovers: 'ignore', oracles: [] },
        );
      }
    },
  );

  test('R102 an upload is held to its stated bound, so that a run with a timeout ends', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        uploader: labUploader(parts, { ms: Infinity, cancelMs: Infinity, uploadBoundMs: 70 }),
      }));
      const status = await invoke(lab, { argv: ['hang'], timeoutMs: 50 }).ended;
      expect([status.state, status.stdoutRef, sim.now()]).toEqual([
        'TIMEDOUT',
        'memory:///7-stdout-0',
        50 + 3 * 70,
      ]);
    });
  });

  test('R104 D54 at the instant of the natural end gives TIMEDOUT or COMPLETE, by decision, and nothing else', async () => {
    const states = new Set<string>();
    for (let seed = 0; seed < 20; seed += 1) {
      await inSimulation(
        async (sim) => {
          states.add((await invoke(makeLab(sim), { argv: ['sleep 50'], timeoutMs: 50 }).ended).state);
        },
        { seed },
      );
    }
    expect([...states].sort()).toEqual(['COMPLETE', 'TIMEDOUT']);
  });
});
