import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../src/explore/executor.ts';
import { recordTimeline, type Timeline } from '../../src/explore/timeline.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { createFakeRunner } from '../../src/runners/fake-runner.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { doubleStart } from '../../sims/double-start.ts';
import { lanesOf, namesIn, readTimeline, type TimelineModel } from './timeline-reader.ts';

/** As it is written. */
function read(timeline: Timeline): TimelineModel {
  return readTimeline(JSON.stringify(timeline));
}

async function recorded(seed: number): Promise<{ timeline: Timeline; trace: readonly TraceEvent[] }> {
  const executor = createExecutor(doubleStart);
  const verdict = await executor.execute({ source: randomDecisions(seed), keepTrace: true });
  return { timeline: await recordTimeline(executor, verdict.decisions()), trace: verdict.trace() };
}

const LOST_REPLY = { label: 'network 1 run job-1 fault', occurrence: 0, n: 20, answer: 19 };

describe('the timeline of an execution', () => {
  test('has a lane per runner, with its runs as slices by state, in virtual time', async () => {
    const model = read(await recordTimeline(createExecutor(doubleStart), [LOST_REPLY]));
    const lanes = [...lanesOf(model).keys()];
    expect(lanes).toEqual(['scenario', 'a', 'a: events', 'b', 'b #2', 'b: events', 'network 1']);
    const slices = lanesOf(model)
      .get('b')!
      .filter((event) => event.isComplete());
    const [run, pending, running] = slices;
    expect([run?.name, pending?.name, running?.name]).toEqual([
      'run 0 for job-1: COMPLETE',
      'PENDING',
      'RUNNING',
    ]);
    expect(running?.parent).toBe(run);
    expect(Math.round(running?.duration ?? 0)).toBe(60_000_000);
    expect(run?.args).toMatchObject({ runId: '0', command: { argv: ['sleep 60000'] } });
  });

  test('marks the fault, its decision and the failure', async () => {
    const model = read(await recordTimeline(createExecutor(doubleStart), [LOST_REPLY]));
    expect(namesIn(model, 'network 1')).toHaveLength(1);
    const [decision, failure] = lanesOf(model)
      .get('scenario')!
      .filter(({ ph }) => (ph as string) === 'i');
    expect(decision).toMatchObject({ cat: ['decision'], start: expect.closeTo(0, 1) });
    expect(decision?.name).toBe('the reply to run job-1 is lost on network 1');
    expect(failure).toMatchObject({ name: 'FAILS: 2 jobs were started 3 times', cat: ['failure'] });
    expect(failure?.start).toBeCloseTo(180_000_000, 0);
  });

  test('draws an arrow from the event that set another to that one, forward in time', async () => {
    const { traceEvents } = await recordTimeline(createExecutor(doubleStart), [LOST_REPLY]);
    const tails = traceEvents.filter(({ ph }) => ph === 's');
    const heads = new Map(traceEvents.filter(({ ph }) => ph === 'f').map((event) => [event.id, event]));
    expect(tails.length).toBeGreaterThan(5);
    expect(heads.size).toBe(tails.length);
    for (const { id, ts } of tails) expect(heads.get(id)!.ts).toBeGreaterThan(ts);
  });

  test('whatever was decided, slices nest, none is lost and none is longer than the execution', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const { timeline, trace } = await recorded(seed);
        const model = read(timeline);
        const slices = [...lanesOf(model).values()].flat().filter((event) => event.isComplete());
        const states = slices.filter(({ cat }) => String(cat) === 'state');
        for (const state of states) expect(state.parent).toMatchObject({ cat: ['run'] });
        const runs = slices.filter(({ cat }) => String(cat) === 'run');
        expect(runs).toHaveLength(trace.filter(({ type }) => type === 'accepted').length);
        for (const run of runs) expect(run.parent).toBeUndefined();
      }),
      { numRuns: 30 },
    );
  });

  test('shows a run that never ends up to the end, and two runners with the same run id apart', async () => {
    const scenario = defineScenario({
      name: 'two-runners',
      description: 'one run hangs',
      options: { leftovers: 'ignore' },
      async run(sim) {
        const quick = createSimulatedRunner(sim.world, { name: 'quick' });
        const stuck = createFakeRunner(sim.world, { name: 'stuck' });
        await stuck.run({ argv: ['sleep 60000', 'complete 0'] });
        const { runId } = await quick.run({ argv: ['sleep 5', 'complete 0'] });
        await finalStatus(quick, runId);
        sim.note('enough');
      },
    });
    const model = read(await recordTimeline(createExecutor(scenario), []));
    expect(namesIn(model, 'quick')).toContain('run 0: COMPLETE');
    expect(namesIn(model, 'stuck').some((name) => name.startsWith('run 0: still '))).toBe(true);
    expect(namesIn(model, 'scenario')).toContain('enough');
  });
});
