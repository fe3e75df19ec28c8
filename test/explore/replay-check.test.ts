import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createExecutor, type Executor } from '../../src/explore/executor.ts';
import { CUT_OFF_KEY } from '../../src/explore/failure-key.ts';
import { keyDecisions, nonZeroOf } from '../../src/explore/keyed-log.ts';
import { checkReplay } from '../../src/explore/replay-check.ts';
import { decodeToken, encodeToken } from '../../src/explore/replay-token.ts';
import type { ReplayToken } from '../../src/explore/replay-token.ts';
import { shrink } from '../../src/explore/shrink/shrinker.ts';
import type { Decision } from '../../src/kernel/decisions.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';
import { findFailure, keyOfVerdict } from './failing-logs.ts';
import { plantedBugs } from './planted-bugs.ts';
import { choice } from '../questions.ts';

/** Asks the labels in order; fails with the sum of the answers if that is not 0. */
const asking = (...questions: readonly (readonly [label: string, n: number])[]): ScenarioDefinition =>
  defineScenario<unknown>({
    name: 'asking',
    description: 'asks questions',
    run(sim) {
      const sum = questions.reduce((total, [label, n]) => total + sim.choose(label, n), 0);
      sim.note(`sum ${sum}`);
      sim.check(sum === 0, 'not plain');
    },
  });

const tokenOf = (verdict: Verdict): ReplayToken => ({
  scenario: verdict.scenario,
  failureKey: keyOfVerdict(verdict),
  traceHash: verdict.traceHash,
  decisions: nonZeroOf(keyDecisions(verdict.decisions())),
});

describe('a replay', () => {
  test.each(plantedBugs)('of $name goes through a token byte for byte', async (bug) => {
    const executor = createExecutor(bug);
    const found = await findFailure(executor, 11);
    const { verdict } = await shrink(executor, found.decisions(), keyOfVerdict(found), { maxExecutions: 60 });
    for (const failing of [found, verdict]) {
      const word = encodeToken(tokenOf(failing));
      const { isReproduced, gap, verdict: again } = await checkReplay(executor, decodeToken(word));
      expect([isReproduced, gap, again.traceHash]).toEqual([true, undefined, failing.traceHash]);
      const whole = await checkReplay(executor, failing.decisions());
      expect([whole.isReproduced, whole.verdict.traceHash]).toEqual([true, failing.traceHash]);
    }
  });

  test('of what was cut off continues beyond its log, and fits whatever happens there', async () => {
    const cutOff: readonly Decision[] = [{ question: choice('a'), n: 3, answer: 2 }];
    const token = {
      scenario: 'asking',
      failureKey: CUT_OFF_KEY,
      traceHash: '0'.repeat(16),
      decisions: nonZeroOf(keyDecisions(cutOff)),
    };
    const holding = defineScenario({
      name: 'holding',
      description: 'asks more than was asked before',
      run: (sim) => sim.check(sim.choose('a', 3) === 2 && sim.choose('b', 2) === 0, 'went on'),
    });
    for (const [scenario, held] of [
      [holding, true],
      [asking(['a', 3], ['b', 2]), false],
    ] as const) {
      const executor = createExecutor(scenario);
      for (const replay of [
        checkReplay(executor, token),
        checkReplay(executor, cutOff, { failureKey: CUT_OFF_KEY }),
      ]) {
        expect(await replay).toMatchObject({ isReproduced: true, verdict: { held } });
      }
      expect(await checkReplay(createExecutor(asking(['c', 3])), token)).toMatchObject({
        isReproduced: false,
      });
    }
  });

  const log: readonly Decision[] = [
    { question: choice('a'), n: 3, answer: 2 },
    { question: choice('b'), n: 2, answer: 1 },
    { question: choice('a'), n: 3, answer: 1 },
  ];

  test.each([
    [
      'an unknown question',
      asking(['a', 3], ['c', 2], ['a', 3]),
      'decision 1 of the log does not fit: expected "b" out of 2 (time 1), got "c" out of 2 (time 1)',
    ],
    [
      'another number of alternatives',
      asking(['a', 3], ['b', 4], ['a', 3]),
      'decision 1 of the log does not fit: expected "b" out of 2 (time 1), got "b" out of 4 (time 1)',
    ],
    [
      'too short a log',
      asking(['a', 3], ['b', 2], ['a', 3], ['a', 5]),
      'decision 3 of the log does not fit: expected the log to go on, got "a" out of 5 (time 3)',
    ],
    [
      'an execution that ends early',
      asking(['a', 3], ['b', 2]),
      'decision 2 of the log does not fit: expected "a" out of 3 (time 2), got the end of the execution',
    ],
  ])('names the first point where a whole log does not fit: %s', async (_, scenario, text) => {
    for (const onGap of ['stop', 'plain', 'random'] as const) {
      const { isReproduced, gap } = await checkReplay(createExecutor(scenario), log, { onGap });
      expect([isReproduced, gap?.text]).toEqual([false, text]);
    }
  });

  test('names what is asked in the middle of the log of what was cut off and not in it', async () => {
    const cutOff = log.slice(0, 2);
    const replayOn = async (scenario: ScenarioDefinition): Promise<string | undefined> =>
      (await checkReplay(createExecutor(scenario), cutOff, { failureKey: CUT_OFF_KEY })).gap?.text;
    expect(await replayOn(asking(['a', 3], ['b', 2], ['x', 9]))).toBeUndefined();
    expect(await replayOn(asking(['a', 3], ['x', 9], ['b', 2]))).toBe(
      'decision 1 of the log does not fit: expected "b" out of 2 (time 1), got "x" out of 9 (time 1)',
    );
  });

  test('names the first point where a token does not fit, and ignores new and missing default questions', async () => {
    const made = await createExecutor(asking(['a', 3], ['b', 2], ['x', 9], ['a', 3])).execute({
      source: { decide: ({ text }) => (text === 'x' ? 0 : 1) },
    });
    const token = tokenOf(made);
    const replayOn = async (scenario: ScenarioDefinition): Promise<string | undefined> =>
      (await checkReplay(createExecutor(scenario), token)).gap?.text;
    expect(await replayOn(asking(['a', 3], ['b', 2], ['x', 9], ['a', 3]))).toBeUndefined();
    expect(await replayOn(asking(['a', 3], ['b', 2], ['a', 3]))).toBeUndefined();
    expect(await replayOn(asking(['a', 3], ['x', 2], ['a', 3]))).toBe(
      'decision 1 of the log does not fit: expected "b" out of 2 (time 1), got "a" out of 3 (time 2)',
    );
    expect(await replayOn(asking(['a', 3], ['b', 2]))).toBe(
      'decision 2 of the log does not fit: expected "a" out of 3 (time 2), got the end of the execution',
    );
  });

  // N6: a note that was added made the token of a failure worthless.
  test.each([
    ['gained', ['before'], ['before', 'between']],
    ['lost', ['before', 'between'], ['between']],
    ['changed', ['before'], ['earlier']],
  ] as const)(
    'fits code that has %s a note since, and says that the trace is another',
    async (_, then, now) => {
      const noting = (notes: readonly string[]): Executor =>
        createExecutor(
          defineScenario({
            name: 'noting',
            description: 'notes what it does',
            run(sim) {
              for (const note of notes) sim.note(note);
              sim.check(sim.choose('toss', 2) === 0, 'heads');
            },
          }),
        );
      const made = await noting(then).execute({ source: { decide: () => 1 } });
      const again = await checkReplay(noting(now), tokenOf(made));
      expect(again).toMatchObject({ isReproduced: true, isSameTrace: false });
      expect(again.gap).toBeUndefined();
      expect(await checkReplay(noting(then), tokenOf(made))).toMatchObject({ isSameTrace: true });
    },
  );

  test('a log of a failure must end in that failure', async () => {
    const coin = defineScenario({
      name: 'coin',
      description: 'never heads',
      run: (sim) => sim.check(sim.choose('toss', 2) === 0, 'heads'),
    });
    const replayed = (answer: number, failureKey?: string): ReturnType<typeof checkReplay> =>
      checkReplay(createExecutor(coin), [{ question: choice('toss'), n: 2, answer }], { failureKey });
    expect(await replayed(1, 'check heads')).toMatchObject({ isReproduced: true });
    expect(await replayed(0)).toMatchObject({ isReproduced: true });
    expect((await replayed(0, 'check heads')).gap?.text).toBe(
      'every decision fits, and nothing fails any more; the log is kept for "check heads"',
    );
    expect((await replayed(1, 'check tails')).gap?.text).toContain('got "check heads"');
  });

  test('says that a token belongs to another scenario', async () => {
    const [doubleStart, abortWins] = plantedBugs;
    if (doubleStart === undefined || abortWins === undefined) throw new Error('no bugs are planted');
    const found = await findFailure(createExecutor(doubleStart), 1);
    const token = { ...tokenOf(found), scenario: './bugs.js#double-start', decisions: [] };
    const { gap } = await checkReplay(createExecutor(abortWins), token);
    expect(gap?.text).toContain('(the log is of ./bugs.js#double-start, this is abort-wins)');
    expect(gap?.text).toContain(
      'nothing fails any more; the log is kept for "check job-# was started # time"',
    );
  });

  test('stops at the gap, continues with defaults, or at random with a seed, as configured', async () => {
    const executor = createExecutor(asking(['a', 3], ['c', 1000], ['d', 1000]));
    const answers = async (options: object): Promise<unknown> => {
      const { verdict } = await checkReplay(executor, log, options);
      return [verdict.failure?.kind, verdict.decisions().map(({ answer }) => answer)];
    };
    expect(await answers({})).toEqual(['error', [2]]);
    expect(await answers({ onGap: 'plain' })).toEqual(['check', [2, 0, 0]]);
    const wider = createExecutor(asking(['new', 5], ['a', 3], ['b', 2], ['a', 3]));
    const { verdict } = await checkReplay(wider, log, { onGap: 'keyed' });
    expect(verdict.decisions().map(({ answer }) => answer)).toEqual([0, 2, 1, 1]);
    const random = await answers({ onGap: 'random', seed: 5 });
    expect(random).toEqual(await answers({ onGap: 'random', seed: 5 }));
    expect(random).not.toEqual(await answers({ onGap: 'random', seed: 6 }));
  });

  test('of a log with one entry changed is never a reproduction', async () => {
    const executor = createExecutor(plantedBugs[0] as ScenarioDefinition);
    const found = await findFailure(executor, 12);
    const whole = found.decisions();
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(8), async (index, shift) => {
        const { question, n, answer } = whole[index] as Decision;
        const other = (answer + 1 + (shift % (n - 1))) % n;
        const changed = whole.map((entry, at) => (at === index ? { question, n, answer: other } : entry));
        const token = { ...tokenOf(found), decisions: nonZeroOf(keyDecisions(changed)) };
        const { isReproduced, isSameTrace } = await checkReplay(executor, token);
        expect(isReproduced && isSameTrace).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['executor', [3, []]],
    ['log', [createExecutor(asking()), 'dr2:abc']],
    ['answer, as high as n', [createExecutor(asking()), [{ question: choice('a'), n: 2, answer: 2 }]]],
    ['answer below 0', [createExecutor(asking()), [{ question: choice('a'), n: 2, answer: -1 }]]],
    ['n', [createExecutor(asking()), [{ question: choice('a'), n: 1, answer: 0 }]]],
    [
      'token, whose decision has no occurrence',
      [
        createExecutor(asking()),
        {
          ...{ scenario: 'asking', failureKey: 'any', traceHash: '0'.repeat(16) },
          decisions: [{ question: choice('a'), n: 2, answer: 1 }],
        },
      ],
    ],
    ['option', [createExecutor(asking()), [], { onGap: 'never' }]],
  ])('refuses a wrong %s', async (_, [executor, wrong, options]) => {
    await expect(checkReplay(executor as never, wrong as never, options as never)).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
    });
  });
});
