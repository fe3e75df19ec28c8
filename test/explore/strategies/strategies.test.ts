import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStrategy } from '../../../src/explore/strategies/create-strategy.ts';
import { strategyNames } from '../../../src/explore/strategies/strategy-names.ts';
import type { Strategy } from '../../../src/explore/strategies/strategy.ts';
import { thrownBy } from '../../model/thrown.ts';
import { exploreAll } from '../executions-to-find.ts';
import { postChain, toy, toyBugs } from '../toy-bugs.ts';
import { choice, delay, draw, fault, order } from '../../questions.ts';

/** Those that learn nothing from one execution for the next. */
const memoryless = ['random', 'stratified', 'swarm', 'pos'] as const;

const mixed = toy('mixed', (sim) => {
  for (const name of ['a/1', 'b/2', 'c/3']) {
    postChain(sim, name, 3, (step) => {
      if (sim.world.choices.choose(fault(`${name} send`), 5) === 4) sim.note(`${name} lost`);
      sim.world.clock.timer(`${name} reply`, sim.world.choices.choose(delay(name), 4), () =>
        sim.note(`reply ${step}`),
      );
      sim.choose('shape', 1000);
    });
  }
  sim.world.clock.timer('look', 0.5, () => sim.note('half'));
});

async function hashesOf(strategy: Strategy, executions: number): Promise<string[]> {
  const hashes: string[] = [];
  await exploreAll(toyLasting, strategy, executions, (verdict) => hashes.push(verdict.traceHash));
  return hashes;
}

/** Waits for the last reply. */
const toyLasting: typeof mixed = {
  ...mixed,
  async run(sim) {
    await mixed.run(sim, undefined);
    await sim.sleep(5);
  },
};

describe.each(strategyNames)('the strategy %s', (name) => {
  test('has that name, and answers every question with one of its alternatives', () => {
    const questionArbitrary = fc.record({
      question: fc.constantFrom(
        order('a/1'),
        fault('net/2 run'),
        delay('net/2 run'),
        choice('draw'),
        draw('drawn integer'),
        fault('node-1 crash'),
      ),
      n: fc.oneof(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 2, max: 2 ** 40 })),
    });
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.array(questionArbitrary), { maxLength: 5 }),
        (seed, executions) => {
          const strategy = createStrategy(name, seed);
          expect(strategy.name).toBe(name);
          for (const [index, questions] of executions.entries()) {
            if (!strategy.begin(index)) break;
            const asked = new Map<string, number>();
            for (const { question, n } of questions) {
              const occurrence = asked.get(question.key) ?? 0;
              asked.set(question.key, occurrence + 1);
              const answer = strategy.decide(question, n, occurrence);
              expect(Number.isInteger(answer) && answer >= 0 && answer < n).toBe(true);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('repeats itself under the same seed', async () => {
    const once = await hashesOf(createStrategy(name, 'seed'), 60);
    expect(await hashesOf(createStrategy(name, 'seed'), 60)).toEqual(once);
    expect(once.length).toBeGreaterThan(0);
  });

  test('answers every question of every toy within range', async () => {
    for (const bug of toyBugs) {
      const kinds = new Set<string | undefined>();
      await exploreAll(bug, createStrategy(name, 3), 20, ({ failure }) => kinds.add(failure?.kind));
      expect([...kinds].filter((kind) => kind !== undefined && kind !== 'check')).toEqual([]);
    }
  });
});

test.each(memoryless)('an execution of %s depends only on seed and index', async (name) => {
  const alone = await hashesOf(createStrategy(name, 7), 12);
  const backwards = createStrategy(name, 7);
  const hashes: string[] = [];
  for (let index = 11; index >= 0; index -= 1) {
    const only: Strategy = {
      name,
      begin: () => backwards.begin(index),
      decide: (...question) => backwards.decide(...question),
      ...(backwards.order === undefined
        ? {}
        : { order: (question, due, occurrence) => backwards.order?.(question, due, occurrence) ?? 0 }),
      end: (execution) => backwards.end(execution),
    };
    await exploreAll(toyLasting, only, 1, (verdict) => hashes.unshift(verdict.traceHash));
  }
  expect(hashes).toEqual(alone);
  expect(new Set(alone).size).toBeGreaterThan(6);
  expect(await hashesOf(createStrategy(name, 8), 12)).not.toEqual(alone);
});

test.each([
  ['an unknown name', () => createStrategy('guess')],
  ['a name of every object', () => createStrategy('toString')],
  ['a seed that is none', () => createStrategy('swarm', NaN)],
  ['a depth that is none', () => createStrategy('pct', 1, { depth: 0 })],
  ['a number of pairs that is none', () => createStrategy('sweep', 1, { pairs: -1 })],
  ['options that are none', () => createStrategy('pct', 1, null as never)],
])('%s is refused', (_what, make) => {
  expect(thrownBy(make)).toMatch(/^RUNNER_INVALID_ARGUMENT: (strategy|seed|depth|pairs|options): expected /);
});

test('an unknown strategy is refused with the list of known ones', () => {
  expect(() => createStrategy('guess')).toThrow(`one of ${strategyNames.join(', ')}`);
});
