import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  createSimulatedRunner,
  finalStatus,
  simulate,
  virtualTempDirs,
  waitForState,
  type Simulation,
  type SimulatedRunner,
} from '../../../src/index.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import type { ProcessStatus } from '../../../src/model/execer.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { UndisturbedInvocation } from '../../../src/runners/invocation/undisturbed-invocation.ts';

const step = fc.constantFrom(
  'sleep 1',
  'sleep 2',
  'stdout out',
  'stderr err',
  'complete 0',
  'complete 3',
  'fail 7 broken',
  'signal SIGSEGV',
  'mem 50',
  'mem 500',
  'ignore-term',
  'fork',
  'orphan',
  'pause',
  'hang',
  'no step',
);
const command = fc.record(
  {
    argv: fc.array(step, { maxLength: 4 }),
    timeoutMs: fc.constantFrom(0, 1, 2, 3),
    jobId: fc.constant('job'),
    tag: fc.constant('t'),
    snapshotId: fc.constantFrom('', 'snapshot'),
  },
  { requiredKeys: ['argv'] },
);
const act = fc.oneof(
  fc.record({ kind: fc.constant('run' as const), command }),
  fc.record({
    kind: fc.constantFrom('abort' as const, 'await' as const, 'running' as const),
    run: fc.nat(3),
  }),
  fc.record({
    kind: fc.constantFrom('resume' as const, 'read' as const, 'release' as const, 'all' as const),
  }),
  fc.record({ kind: fc.constant('sleep' as const), ms: fc.constantFrom(0, 0.5, 1, 2) }),
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

interface Seen {
  readonly notes: unknown[];
  readonly ids: string[];
}

/** Only what any user of the runner sees. */
async function carryOut(
  runner: SimulatedRunner,
  sim: Simulation,
  { notes, ids }: Seen,
  one: Act,
): Promise<void> {
  const note = (promise: Promise<unknown>): void =>
    void promise.then(
      (value) => notes.push(value),
      (error: unknown) => notes.push(String(error)),
    );
  switch (one.kind) {
    case 'run':
      try {
        ids.push((await runner.run(one.command)).runId);
      } catch (error) {
        notes.push(String(error));
      }
      return;
    case 'abort':
      note(runner.abort(ids[one.run] ?? '0'));
      return;
    case 'await':
      note(finalStatus(runner, ids[one.run] ?? '0'));
      return;
    case 'running':
      note(waitForState(runner, ids[one.run] ?? '0', 'RUNNING'));
      return;
    case 'all':
      note(runner.statusAll());
      return;
    case 'resume':
      notes.push(runner.shareExecer().resume());
      return;
    case 'read':
      notes.push(runner.outputs.all().map((output) => [output.uri, output.closed, output.text()]));
      return;
    case 'release':
      note(runner.release());
      return;
    case 'sleep':
      await sim.sleep(one.ms);
  }
}

/** What is seen of a program on a runner all of whose parts are plain, or on one that knows its temporary directories. */
async function watch(acts: readonly Act[], seed: number, isPlain: boolean): Promise<unknown> {
  const notes: unknown[] = [];
  const verdict = await simulate({
    seed,
    keepTrace: seed % 2 === 0,
    scenario: async (sim) => {
      const runner = createSimulatedRunner(sim.world, {
        capacity: 3,
        ...(isPlain ? {} : { tempDirs: virtualTempDirs() }),
      });
      const ids: string[] = [];
      for (const one of acts) await carryOut(runner, sim, { notes, ids }, one);
      await sim.sleep(20);
      notes.push(runner.shareExecer().paused, runner.shareExecer().livingProcesses);
      await runner.release();
      notes.push((await runner.statusAll()).statuses);
      notes.push(runner.outputs.all().map((output) => [output.uri, output.closed, output.text()]));
    },
  });
  const { failure, traceHash, firedEvents } = verdict;
  const trace = seed % 2 === 0 ? verdict.trace() : [];
  return { message: failure?.message, traceHash, firedEvents, decisions: verdict.decisions(), trace, notes };
}

describe('a run that nothing disturbs', () => {
  test('looks the same from outside as one on the usual path', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 9 }), fc.nat(1000), async (acts, seed) => {
        expect(await watch(acts, seed, true)).toEqual(await watch(acts, seed, false));
      }),
      { numRuns: 600 },
    );
  });

  test.for([
    [{ argv: ['sleep 1', 'complete 3'] }, true],
    [{ argv: ['complete 0'], timeoutMs: 5 }, true],
    [{ argv: ['stdout text', 'complete 0'] }, true],
    [{ argv: ['complete 0'], snapshotId: 'snapshot' }, false],
  ] as const)('%j takes the short path: %s', async ([offered, isUndisturbed]) => {
    const start = vi.spyOn(UndisturbedInvocation.prototype, 'start');
    const { held } = await simulate({
      seed: 1,
      scenario: async (sim) => {
        const runner = createSimulatedRunner(sim.world);
        const { runId } = await runner.run(offered);
        const { status } = await finalStatus(runner, runId);
        sim.check(status.state === 'COMPLETE', 'the run completes');
        await runner.release();
      },
    });
    expect(held).toBe(true);
    expect(start.mock.calls.length === 1).toBe(isUndisturbed);
    start.mockRestore();
  });

  test('takes the usual path where a method of its outputs or execer was replaced', async () => {
    const ends: string[] = [];
    const { held } = await simulate({
      seed: 1,
      scenario: async (sim) => {
        const outputs = createMemoryOutputs();
        outputs.create = () => {
          throw new Error('disk full');
        };
        const execer = createSimExecer({ clock: sim.world.clock });
        const end: ProcessStatus = { state: 'COMPLETE', exitCode: 7, error: '' };
        execer.exec = () => ({ wait: () => end, abort: () => end });
        for (const options of [
          { name: 'outputs', outputs },
          { name: 'execer', execer },
        ]) {
          const runner = createSimulatedRunner(sim.world, options);
          const { runId } = await runner.run({ argv: ['complete 0'] });
          const { status } = await finalStatus(runner, runId);
          ends.push(`${status.state} ${status.exitCode}`);
          await runner.release();
        }
      },
    });
    expect(held).toBe(true);
    expect(ends).toEqual(['FAILED 220', 'COMPLETE 7']);
  });
});
