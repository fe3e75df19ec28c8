import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCoverage, type Coverage } from '../../src/explore/coverage.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { thrownBy } from '../model/thrown.ts';
import { eventArbitrary } from '../trace/event-arbitrary.ts';

function watch(coverage: Coverage, events: readonly TraceEvent[]): number {
  const oracle = coverage.watcher(() => {});
  for (const event of events) oracle.watch(event);
  return coverage.takeNovelty();
}

const note = (text: string, at = 0): TraceEvent => ({ at, type: 'note', runner: 'scenario', text });
const phase = (runId: string, name: 'exec' | 'wait', runner = 'a'): TraceEvent => ({
  at: 0,
  type: 'phase',
  runner,
  runId,
  phase: name,
});

describe('coverage', () => {
  test('finds nothing new in any execution run again', () => {
    fc.assert(
      fc.property(fc.array(eventArbitrary), (events) => {
        const coverage = createCoverage();
        const novelty = watch(coverage, events);
        expect(coverage.featureCount).toBe(novelty);
        expect(watch(coverage, events)).toBe(0);
        expect(novelty > 0).toBe(events.length > 0);
      }),
    );
  });

  test.each([
    ['at another time', [note('up', 1)], [note('up', 7)]],
    ['with another number in the text', [note('level 3')], [note('level 11')]],
    [
      'of other runs',
      [phase('r/1', 'exec'), phase('r/1', 'wait')],
      [phase('r/9', 'exec'), phase('r/9', 'wait')],
    ],
    ['on another runner', [phase('r/1', 'exec')], [phase('r/1', 'exec', 'b')]],
  ])('counts what happens %s as the same', (_what, first, second) => {
    const coverage = createCoverage();
    watch(coverage, first);
    expect(watch(coverage, second)).toBe(0);
  });

  test.each([
    ['another order', [note('a'), note('b')], [note('b'), note('a')]],
    ['another text', [note('a')], [note('b')]],
    ['another phase of one run', [phase('r/1', 'exec')], [phase('r/1', 'wait')]],
    [
      'the same on one runner, of two runs and not of one',
      [phase('r/1', 'exec'), phase('r/1', 'wait')],
      [phase('r/1', 'exec'), phase('r/2', 'wait')],
    ],
    ['twice as often', [note('a'), note('a')], [note('a'), note('a'), note('a')]],
  ])('counts %s as new', (_what, first, second) => {
    const coverage = createCoverage();
    watch(coverage, first);
    expect(watch(coverage, second)).toBeGreaterThan(0);
  });

  test('counts in classes: a few more turns of a loop are not new', () => {
    const coverage = createCoverage();
    const news: number[] = [];
    for (let count = 2; count <= 200; count += 1) {
      if (
        watch(
          coverage,
          Array.from({ length: count }, () => note('a')),
        ) > 0
      ) {
        news.push(count);
      }
    }
    // The first note has an edge of its own.
    expect(news).toEqual([2, 3, 4, 5, 9, 17, 33, 129]);
  });

  test('of two meters adds up to that of one that saw everything', () => {
    fc.assert(
      fc.property(fc.array(fc.array(eventArbitrary)), (executions) => {
        const [one, other, all] = [createCoverage(), createCoverage(), createCoverage()];
        for (const [i, events] of executions.entries()) {
          watch(i % 2 === 0 ? one : other, events);
          watch(all, events);
        }
        const before = one.featureCount;
        expect(one.merge(other.features())).toBe(one.featureCount - before);
        expect(Buffer.compare(one.features(), all.features())).toBe(0);
        expect(one.featureCount).toBe(all.featureCount);
        expect(one.merge(other.features())).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test.each([undefined, new Uint8Array(3), 'features'])('refuses to merge %s', (features) => {
    expect(thrownBy(() => createCoverage().merge(features as never))).toMatch(
      /^RUNNER_INVALID_ARGUMENT: features: expected the 65536 bytes/,
    );
  });

  test('measures a real execution, even after one that was cut short', async () => {
    const executor = createExecutor(
      defineScenario({
        name: 'one-run',
        description: 'one run',
        async run(sim) {
          const runner = createSimulatedRunner(sim.world);
          await finalStatus(runner, (await runner.run({ argv: ['sleep 5', 'complete 0'] })).runId);
          await runner.release();
        },
      }),
    );
    const coverage = createCoverage();
    coverage.watcher(() => {}).watch(note('never taken'));
    await executor.execute({ source: fifoDecisions(), watchers: [coverage.watcher] });
    expect(coverage.takeNovelty()).toBeGreaterThan(10);
    await executor.execute({ source: fifoDecisions(), watchers: [coverage.watcher] });
    expect(coverage.takeNovelty()).toBe(0);
  });
});
