import { describe, expect, test } from 'vitest';
import { createVirtualFiler } from '../../../src/filers/fake-filer.ts';
import { createQueueRunner } from '../../../src/runners/queue/create-queue-runner.ts';
import { createInvoker } from '../../../src/runners/invocation/invoker.ts';
import { inSimulation } from '../in-simulation.ts';
import { filersOf, invoke, labFiler, makeLab, pass, slowExecer } from '../lab.ts';
import { stubActions } from '../stub-actions.ts';

describe('what an invocation needs, and what it waits for', () => {
  test('R99 RUNNING comes only once the process has been started, however long that takes', async () => {
    await inSimulation(async (sim) => {
      const started: number[] = [];
      const lab = makeLab(sim, (parts) => ({
        execer: slowExecer(parts.execer, async (begin) => {
          await pass(parts, 20);
          const process = await begin();
          started.push(sim.now());
          return process;
        }),
      }));
      const run = invoke(lab, { argv: ['sleep 5'] });
      await pass(lab, 19);
      expect(run.statuses).toEqual([]);
      await run.ended;
      expect(run.statuses.map(({ state }) => state)).toEqual(['RUNNING', 'COMPLETE']);
      expect(run.seenAtMs).toEqual([20, 25]);
      expect(started).toEqual([20]);
    });
  });

  test('R99 R98 a process that could not be started is never RUNNING', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        execer: slowExecer(parts.execer, async () => {
          await pass(parts, 20);
          throw new Error('no such program');
        }),
      }));
      const run = invoke(lab, { argv: ['sleep 5'] });
      expect(await run.ended).toMatchObject({ state: 'FAILED', exitCode: 240, stdoutRef: '' });
      expect(run.statuses).toHaveLength(1);
    });
  });

  test.for(['execer', 'filers', 'outputs', 'tempDirs'] as const)('R117 %s is required', async (part) => {
    await inSimulation((sim) => {
      const lab = makeLab(sim);
      const options = { ...lab.options, [part]: undefined };
      expect(() => createInvoker(sim.world, options)).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          message: expect.stringContaining(part) as string,
        }),
      );
    });
  });

  test.for<readonly [name: string, options: object, message: string]>([
    [
      'an execer',
      { execer: { exec: () => undefined } },
      'execer.cancelBoundMs: expected a number ≥ 0, got undefined',
    ],
    [
      'an execer',
      { execer: { cancelBoundMs: NaN, exec: () => undefined } },
      'execer.cancelBoundMs: expected a number ≥ 0, got NaN',
    ],
    ['an execer', { execer: { cancelBoundMs: 0 } }, 'execer.exec: expected a function, got undefined'],
    [
      'temporary directories',
      { tempDirs: { create: () => undefined } },
      'tempDirs.boundMs: expected a number ≥ 0, got undefined',
    ],
    [
      'temporary directories',
      { tempDirs: { boundMs: 0 } },
      'tempDirs.create: expected a function, got undefined',
    ],
    [
      'a processor',
      { preprocessors: [{ name: 'p', process: () => undefined }] },
      'preprocessors[0].cancelBoundMs: expected a number ≥ 0, got undefined',
    ],
    [
      'a processor',
      { postprocessors: [{ name: 'p', cancelBoundMs: 5 }] },
      'postprocessors[0].process: expected a function, got undefined',
    ],
    [
      'a processor',
      { postprocessors: [{ cancelBoundMs: 5, process: () => undefined }] },
      'postprocessors[0].name: expected a string, got undefined',
    ],
    [
      'an uploader',
      { uploader: { upload: () => 'u' } },
      'uploader.cancelBoundMs: expected a number ≥ 0, got undefined',
    ],
    [
      'an uploader',
      { uploader: { cancelBoundMs: 0 } },
      'uploader.upload: expected a function, got undefined',
    ],
    [
      'an uploader',
      { uploader: { cancelBoundMs: 0, uploadBoundMs: NaN, upload: () => 'u' } },
      'uploader.uploadBoundMs: expected a number ≥ 0, got NaN',
    ],
    ['a monitor', { dirMonitor: {} }, 'dirMonitor.sizesKb: expected a function, got undefined'],
    [
      'a store of actions',
      { actions: { ...stubActions(), cancelBoundMs: -1 } },
      'actions.cancelBoundMs: expected a number ≥ 0, got -1',
    ],
    [
      'a store of actions',
      { actions: { ...stubActions(), storeLog: undefined } },
      'actions.storeLog: expected a function, got undefined',
    ],
    [
      'a filer',
      { filers: filersOf({ ...createVirtualFiler(), cancelBoundMs: NaN }) },
      'filers.get(scoot).filer.cancelBoundMs: expected a number ≥ 0, got NaN',
    ],
  ])('R199 %s with %o is refused', async ([, options, message]) => {
    await inSimulation((sim) => {
      const given = { ...makeLab(sim).options, ...options };
      const refusal = { code: 'RUNNER_INVALID_ARGUMENT', message } as const;
      expect(() => createInvoker(sim.world, given)).toThrow(expect.objectContaining(refusal));
      expect(() => createQueueRunner(sim.world, given)).toThrow(expect.objectContaining(refusal));
    });
  });

  test.for([
    ['a natural end', ['sleep 5'], {}],
    ['an abort', ['ignore-term', 'hang'], { abortMs: 30 }],
    ['a deadline', ['ignore-term', 'hang'], { timeoutMs: 30 }],
    ['a command that cannot be started', ['no such step'], {}],
  ] as const)(
    'R89 D46 when the terminal status of %s comes, process, outputs, checkout and postprocessors are done',
    async ([, argv, { abortMs, timeoutMs }]: readonly [
      string,
      readonly string[],
      { readonly abortMs?: number; readonly timeoutMs?: number },
    ]) => {
      await inSimulation(async (sim) => {
        const done: string[] = [];
        const late = async (what: string, ms: number): Promise<void> => {
          await pass({ sim }, ms);
          done.push(what);
        };
        const lab = makeLab(sim, (parts) => ({
          outputs: {
            async create(id) {
              const output = parts.outputs.create(id);
              return Promise.resolve({
                uri: output.uri,
                write: (chunk) => output.write(chunk),
                asFile: () => output.asFile(),
                close: () => late('outputs closed', 50),
              });
            },
          },
          filers: filersOf({
            ...labFiler(parts),
            checkout: (id) => ({ id, path: '/p', release: () => late('checkout released', 30) }),
          }),
          postprocessors: [
            { name: 'post', cancelBoundMs: 100, process: () => late('postprocessors have run', 7) },
          ],
        }));
        const command = { argv, snapshotId: 's1', ...(timeoutMs === undefined ? {} : { timeoutMs }) };
        const run = invoke(lab, command, ({ state }) => {
          if (state === 'RUNNING') return;
          expect(new Set(done)).toEqual(
            new Set(['outputs closed', 'checkout released', 'postprocessors have run']),
          );
          expect(done.filter((what) => what === 'outputs closed')).toHaveLength(3);
          expect(lab.execer.livingProcesses).toBe(0);
        });
        if (abortMs !== undefined) sim.world.clock.timer('abort', abortMs, () => run.abort());
        await run.ended;
      });
    },
  );

  test('R185 R91 a Bazel snapshot without request data is FAILED 200 before any checkout, also with a filer for it', async () => {
    const snapshotId = `bz-${'a'.repeat(64)}-142`;
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({ filers: new Map([['bazel', { filer: labFiler(parts) }]]) }));
      const run = invoke(lab, { argv: ['complete 0'], snapshotId });
      expect(await run.ended).toMatchObject({
        state: 'FAILED',
        exitCode: 200,
        error: 'no executeRequest for a run of type bazel',
      });
      expect(run.statuses).toHaveLength(1);
      expect(lab.log).toEqual([]);
    });
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({ filers: new Map([['bazel', { filer: labFiler(parts) }]]) }));
      const run = invoke(lab, {
        argv: ['complete 3'],
        snapshotId,
        executeRequest: { actionDigest: { hash: 'a'.repeat(64), sizeBytes: 142 } },
      });
      expect(await run.ended).toMatchObject({
        state: 'FAILED',
        exitCode: 200,
        error: 'no action store for run type bazel',
      });
      expect(lab.log).toEqual([]);
    });
  });
});
