import { describe, expect, test } from 'vitest';
import { createInvoker } from '../../../src/runners/invocation/invoker.ts';
import { inSimulation } from '../in-simulation.ts';
import { filersOf, invoke, labFiler, makeLab, pass, slowExecer } from '../lab.ts';

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
