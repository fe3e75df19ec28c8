import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explore } from '../../../src/explore/explorer.ts';
import { sweepAnswer, sweepStrategy } from '../../../src/explore/strategies/sweep-strategy.ts';
import type { ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import { executionsToFind } from '../executions-to-find.ts';
import { needleFault, toy } from '../toy-bugs.ts';
import { question } from '../../../src/kernel/question.ts';
import { delay, fault } from '../../questions.ts';

/** The faults of each execution, as `site=answer`, of one shard. */
async function faultsOf(
  scenario: ScenarioDefinition,
  firstIndex = 0,
  shards = 1,
  strategy = sweepStrategy({ pairs: 0 }),
): Promise<string[]> {
  const found: string[] = [];
  await explore(createExecutor(scenario), strategy, {
    firstIndex,
    shards,
    onExecution: (verdict) => {
      const faults = verdict.decisions().filter(({ answer }) => answer > 0);
      found.push(faults.map(({ question: { text }, answer }) => `${text}=${answer}`).join(' '));
    },
  });
  return found;
}

const threeSites = toy('three-sites', (sim) => {
  sim.world.choices.choose(fault('a/1 loss'), 3);
  sim.choose('draw', 9);
  sim.world.choices.choose(delay('b/2 send'), 4);
  sim.world.choices.choose(fault('b/2 loss'), 2);
  sim.world.choices.choose(fault('a/3 crash'), 4);
});

describe('a sweep', () => {
  test('begins with the default, then tries each fault singly, the highest answers of all sites first', async () => {
    expect(await faultsOf(threeSites)).toEqual([
      '',
      'a/1 loss fault=2',
      'b/2 loss fault=1',
      'a/3 crash fault=3',
      'a/1 loss fault=1',
      'a/3 crash fault=2',
      'a/3 crash fault=1',
    ]);
  });

  test('finds what one fault does within one execution per site plus the default one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.nat(), async (sites, harmful) => {
        const bug = needleFault(sites, harmful % sites, 10_000);
        expect(await executionsToFind(bug, sweepStrategy(), 1000)).toBeLessThanOrEqual(sites + 1);
      }),
      { numRuns: 30 },
    );
  });

  test('is split by shards without loss, and repeats only the default schedule', async () => {
    const whole = await faultsOf(threeSites);
    for (const shards of [2, 3, 8, 20]) {
      const found: string[] = [];
      for (let shard = 0; shard < shards; shard += 1) {
        found.push(...(await faultsOf(threeSites, shard, shards)));
      }
      expect(found.filter((faults) => faults !== '').sort()).toEqual([...whole].sort().slice(1));
    }
  });

  test('begins in the middle of its share if another one had begun it, and leaves nothing out', async () => {
    for (const shards of [1, 2, 3]) {
      for (let shard = 0; shard < shards; shard += 1) {
        const whole = await faultsOf(threeSites, shard, shards, sweepStrategy());
        for (let before = 1; before < 12; before += 1) {
          const found = await faultsOf(threeSites, shard + before * shards, shards, sweepStrategy());
          expect(found.toSorted()).toEqual(whole.toSorted());
        }
      }
    }
    const [plain, first] = await faultsOf(threeSites, 3);
    expect([plain, first]).toEqual(['', 'a/3 crash fault=3']);
  });

  test('passes over what has ended a thread, whatever else was unusual there', async () => {
    const strategy = sweepStrategy();
    const lost = [
      { question: question('draw', 'draw'), occurrence: 0, n: 9, answer: 4 },
      { question: fault('b/2 loss'), occurrence: 0, n: 2, answer: 1 },
    ];
    strategy.avoid?.(lost);
    strategy.avoid?.([...lost, { question: fault('a/1 loss'), occurrence: 0, n: 3, answer: 2 }]);
    const found = await faultsOf(threeSites, 0, 1, strategy);
    const whole = await faultsOf(threeSites, 0, 1, sweepStrategy());
    expect(whole.filter((faults) => !found.includes(faults))).toEqual([
      'b/2 loss fault=1',
      'a/1 loss fault=2 b/2 loss fault=1',
      'b/2 loss fault=1 a/3 crash fault=3',
    ]);
  });

  test('goes on to each kind of fault where one question asks for several', async () => {
    const inWords = Object.assign(
      (answer: number) => (answer === 3 ? 'crash' : answer === 2 ? 'pause' : ''),
      {
        faults: [
          { kind: 'pause', answer: 2 },
          { kind: 'crash', answer: 3 },
        ],
      },
    );
    const bug = toy('pause-after-crash', (sim) => {
      const [first, second] = ['n1', 'n2'].map((node) =>
        sim.world.choices.choose(fault(`${node} strike`), 4, inWords),
      );
      sim.check(!(first === 3 && second === 2), 'n2 pauses when n1 has crashed');
    });
    expect(await executionsToFind(bug, sweepStrategy(), 1000)).toBeLessThan(16);
  });

  test('goes on to two faults, also where only the first makes the second possible', async () => {
    const bug = toy('loss-of-retry', (sim) => {
      for (const i of [1, 2, 3, 4, 5]) {
        const isLost = sim.world.choices.choose(fault(`link send job-${i}`), 8) === 7;
        if (!isLost) continue;
        sim.check(sim.world.choices.choose(fault(`link send job-${i} again`), 8) !== 7, 'lost twice');
      }
    });
    expect(await executionsToFind(bug, sweepStrategy(), 1 + 35 + 5 * 5)).toBeLessThan(Infinity);
    expect(await executionsToFind(bug, sweepStrategy({ pairs: 0 }), 1000)).toBe(Infinity);
  });

  test('names the fault that strikes', () => {
    const strategy = sweepStrategy();
    strategy.begin(0);
    expect(strategy.configuration).toBe('no fault');
  });
});

test('all answers of small questions are tried, and of large ones those near the highest, and 1', () => {
  const answers = (n: number): number[] => {
    const found: number[] = [];
    for (let round = 0, answer = sweepAnswer(n, 0); answer !== undefined; answer = sweepAnswer(n, ++round)) {
      found.push(answer);
    }
    return found;
  };
  expect(answers(2)).toEqual([1]);
  expect(answers(5)).toEqual([4, 3, 2, 1]);
  expect(answers(10_000)).toEqual([
    9999, 9998, 9996, 9992, 9984, 9968, 9936, 9872, 9744, 9488, 8976, 7952, 5904, 1808, 1,
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 2 ** 31 }), (n) => {
      const found = answers(n);
      expect(new Set(found).size).toBe(found.length);
      expect(found.every((answer) => answer > 0 && answer < n)).toBe(true);
      expect([found[0], found.at(-1)]).toEqual([n - 1, 1]);
    }),
  );
});

test('tries each fault of a question once and none of its plain answers, where its words say which they are', async () => {
  const words = (answer: number): string | undefined =>
    answer < 12 ? '' : answer === 12 ? undefined : answer === 13 ? 'a delay' : 'a loss';
  const oneMessage = toy('one-message', (sim) => {
    sim.world.choices.choose(fault('message'), 16, words);
  });
  expect(await faultsOf(oneMessage)).toEqual([
    '',
    'message fault=15',
    'message fault=13',
    'message fault=12',
  ]);
});
