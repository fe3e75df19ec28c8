import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { keyDecisions } from '../../../src/explore/keyed-log.ts';
import { answersOfSites, seriesBySite, textOfSeries } from '../../../src/explore/shrink/site-answers.ts';
import { randomDecisions } from '../../../src/kernel/random-decisions.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { question, thing } from '../../../src/kernel/question.ts';

const batches = createExecutor(
  defineScenario({
    name: 'batches',
    description: 'as many jobs per batch as the decisions say',
    async run(sim) {
      for (let batch = 0; batch < 3; batch += 1) {
        const jobs = sim.choose({ subject: `batch ${batch}`, what: 'has jobs' }, 4);
        for (let job = 0; job < jobs; job += 1) {
          await sim.sleep(sim.choose({ subject: `batch ${batch} job ${job}`, what: 'takes' }, 5));
        }
      }
    },
  }),
);

describe('answers by site', () => {
  test('repeat their execution', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const verdict = await batches.execute({ source: randomDecisions(seed) });
        const bySite = seriesBySite(keyDecisions(verdict.decisions()));
        const again = await batches.execute({ source: answersOfSites(bySite) });
        expect(again.traceHash).toBe(verdict.traceHash);
      }),
      { numRuns: 30 },
    );
  });

  test('are 0 where the series is over, where it has a larger answer than there are, and at another site', () => {
    const source = answersOfSites(new Map([['choice run/# ends', [2, 7]]]));
    expect(
      ['0 ends', '8 ends', '8 ends', '0 starts'].map((run, at) => {
        const [id = '', what = ''] = run.split(' ');
        return source.decide(question('choice', { subject: thing('run', id), what }), 4, at);
      }),
    ).toEqual([2, 0, 0, 0]);
  });

  test('have one text if they answer alike, regardless of the order of sites and default answers at the ends', () => {
    const text = textOfSeries(
      new Map([
        ['a', [0, 1]],
        ['b', [2]],
      ]),
    );
    expect(
      textOfSeries(
        new Map([
          ['b', [2, 0, 0]],
          ['c', [0]],
          ['a', [0, 1]],
        ]),
      ),
    ).toBe(text);
    for (const other of [
      new Map([
        ['a', [1]],
        ['b', [2]],
      ]),
      new Map([['a', [0, 1]]]),
      new Map([
        ['a', [0, 1]],
        ['b', [2, 1]],
      ]),
    ]) {
      expect(textOfSeries(other)).not.toBe(text);
    }
  });
});
