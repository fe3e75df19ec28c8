import { expect, test } from 'vitest';
import { cutShortLines } from '../../src/cli/cut-short-text.ts';
import { settledLines, type SettledFailure } from '../../src/cli/failure-report.ts';
import { explainTimeMs } from '../../src/cli/settled-failure.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import type { Explanation } from '../../src/explore/explain/explanation.ts';
import { explained } from '../../src/campaign/explained-failure.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';

const hopeless = defineScenario({
  name: 'hopeless',
  description: 'always fails',
  run(sim) {
    for (const name of ['a', 'b', 'c']) sim.choose(name, 3);
    throw new TypeError('broken');
  },
});
const endless = defineScenario({
  name: 'endless',
  description: 'never ends',
  async run(sim) {
    for (;;) await sim.sleep(1);
  },
});

// Point 3 of the explaining: an explanation that ran out of its time did not say so.
test('time that runs out is told, with what was not tried and what gives it more', async () => {
  const log = ['a', 'b', 'c'].map((label) => ({ label, n: 3, answer: 1 }));
  const { explanation, cutShort } = await explained(createExecutor(hopeless), log, {
    ...{ firedEvents: 0, reference: 'hopeless', timeMs: 0, mustStop: () => false },
  });
  expect(cutShort).toEqual({ by: 'time', timeMs: 0 });
  expect(cutShortLines({ by: 'time', timeMs: 10_000 }, 0, explanation)).toEqual([
    '  explaining it took all of its 10 s, and 3 decisions had no other answer tried in full; dryrunner explain with --time 2m takes more',
  ]);
  expect(cutShortLines({ by: 'time', timeMs: 60_000 }, 0, undefined)).toEqual([
    '  not explained: that took more than its 60 s; dryrunner explain with --time 12m takes more',
  ]);
});

test('what had all the time that it needed says nothing of it', async () => {
  const { cutShort } = await explained(createExecutor(hopeless), [], {
    ...{ firedEvents: 0, reference: 'hopeless', timeMs: 60_000, mustStop: () => false },
  });
  expect(cutShortLines(cutShort, 0, undefined)).toEqual([]);
});

test('what goes on and on is explained by its beginning; of anything else that is as long, nothing is said', async () => {
  const options = {
    ...{ firedEvents: 10_000_000, reference: 'endless', timeMs: 60_000, mustStop: () => false },
  };
  const { explanation, cutShort } = await explained(createExecutor(endless), [], {
    ...options,
    maxEvents: 10_000_000,
  });
  expect(explanation?.sentence).toContain('250000 events have fired and the scenario has not ended');
  expect(cutShortLines(cutShort, 10_000_000, explanation as Explanation)).toEqual([
    '  explained by its first 250,000 events of 10,000,000',
  ]);
  const other = await explained(createExecutor(endless), [], options);
  expect(other).toEqual({ cutShort: { by: 'events', eventsMax: 250_000 } });
});

test.for([
  [undefined, 30_000, 10_000],
  [5_000, 30_000, 10_000],
  [180_000, 30_000, 60_000],
  [180_000, 60_000, 30_000],
] as const)('%s ms in the place of %i ms make %i ms for explaining', ([timeMs, usualMs, explainMs]) => {
  expect(explainTimeMs(timeMs, usualMs)).toBe(explainMs);
});

test('nothing might get smaller still where no decision is left', () => {
  const linesFor = (before: number, after: number): readonly string[] => {
    const log = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ label: `a ${at}`, n: 2, answer: 1 }));
    const shrunk = { decisions: log(after), executions: 5, stoppedBy: 'stopped', firedEvents: 1 };
    return settledLines({ failure: { decisions: log(before) }, shrunk } as unknown as SettledFailure);
  };
  expect(linesFor(0, 0)).toEqual(['  nothing to make smaller: it fails with every choice at its default']);
  expect(linesFor(3, 0).join()).not.toContain('smaller still');
  expect(linesFor(3, 1).join()).toContain('and might get smaller still');
});
