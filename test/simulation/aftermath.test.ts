import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../src/explore/executor.ts';
import { formatExplanation } from '../../src/explore/explain/explanation-text.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { SimulateOptions } from '../../src/simulation/simulate-options.ts';

const boom = (): never => {
  throw new Error('late boom');
};
const WORD = 'What the scenario left when it ended throws at 20 ms: late boom. It left 1 timer';

const left: readonly (readonly [string, SimulateOptions])[] = [
  ['a timer of the clock', { scenario: (sim) => void sim.world.clock.timer('heartbeat', 20, boom) }],
  [
    'an async callback',
    {
      scenario: (sim) => void sim.world.clock.timer('heartbeat', 20, () => void Promise.resolve().then(boom)),
    },
  ],
  [
    'an async callback whose check fails',
    {
      scenario: (sim) => {
        const fails = (): void => sim.check(false, 'late boom');
        sim.world.clock.timer('heartbeat', 20, () => void Promise.resolve().then(fails));
      },
    },
  ],
];

describe.for(['fast', 'documented'] as const)('R204 with the %s drain', (drain) => {
  test.for(left)('what %s that is left throws is named before what is left', async ([, options]) => {
    const { failure, firedEvents, virtualMs, ...verdict } = await simulate({
      ...options,
      drain,
      keepTrace: true,
      capturePlaces: true,
    });
    expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204', message: WORD, atMs: 0 });
    expect(failure?.cause).toMatchObject({ message: 'late boom' });
    expect(failure?.details[0]).toMatch(/^timer /);
    expect({ firedEvents, virtualMs, decisions: verdict.decisions(), trace: verdict.trace() }).toEqual({
      ...{ firedEvents: 0, virtualMs: 0 },
      ...{ decisions: [], trace: [] },
    });
  });
});

test('what is left and throws nothing is left, whatever it does', async () => {
  const { failure, ...verdict } = await simulate({
    keepTrace: true,
    capturePlaces: true,
    scenario: (sim) => {
      sim.sometimes('later', false);
      const beat = (): void => {
        sim.note('beats');
        sim.sometimes('later');
        sim.choose('coin', 2);
        sim.world.clock.timer('heartbeat', 5, beat);
      };
      sim.world.clock.timer('heartbeat', 5, beat);
      sim.world.clock.timer('other', 5, () => undefined);
    },
  });
  expect(failure?.message).toBe('The scenario has ended and left 2 timers');
  expect([...verdict.trace(), ...verdict.decisions()]).toEqual([]);
  expect(verdict).toMatchObject({
    firedEvents: 0,
    virtualMs: 0,
    decisionCount: 0,
    sometimes: { later: false },
  });
});

test('what goes on is neither asked of the source nor shown to oracles and listeners', async () => {
  const seen: string[] = [];
  await simulate({
    capturePlaces: true,
    source: {
      decide({ text }) {
        seen.push(text);
        return 0;
      },
    },
    onFire: ({ topic }) => seen.push(topic.text),
    oracles: [() => ({ watch: ({ type }) => seen.push(type), end: () => seen.push('end') })],
    scenario: async (sim) => {
      const runner = createSimulatedRunner(sim.world);
      await runner.run({ argv: ['complete 0'] });
      seen.length = 0;
    },
  });
  expect(seen).toEqual(['end']);
});

test('an explanation begins with what was thrown, and shows its line', async () => {
  const scenario = defineScenario({
    name: 'forgetful',
    description: 'leaves a timer that throws',
    async run(sim) {
      await sim.sleep(10);
      sim.world.clock.timer('heartbeat', 20, boom);
    },
  });
  const explanation = await explain(createExecutor(scenario), []);
  expect(explanation.sentence).toMatch(
    /^forgetful fails at 10 ms: What the scenario left when it ended throws at 30 ms: late boom\. It left 1 timer/,
  );
  expect(explanation.places).toEqual([
    {
      what: 'the error was thrown',
      frames: expect.arrayContaining([
        expect.stringMatching(/boom \(.*aftermath\.test\.ts:\d+:/),
      ]) as string[],
    },
  ]);
  const text = formatExplanation(explanation).map((line) => line.text);
  expect(text.indexOf('  timer heartbeat, due at 30 ms')).toBeLessThan(
    text.indexOf('  the error was thrown'),
  );
});

test.for(['late.', 'late?', 'late!'])(
  'an error that ends its own sentence, %o, gets no second period',
  async (text) => {
    const { failure } = await simulate({
      capturePlaces: true,
      scenario: (sim) =>
        void sim.world.clock.timer('heartbeat', 20, () => {
          throw new Error(text);
        }),
    });
    expect(failure?.message).toBe(
      `What the scenario left when it ended throws at 20 ms: ${text} It left 1 timer`,
    );
  },
);

test('of an error with several lines the first is in the sentence, the others in the details', async () => {
  const { failure } = await simulate({
    capturePlaces: true,
    scenario: (sim) =>
      void sim.world.clock.timer('heartbeat', 20, () => {
        throw new Error('expected 1\n\n\u001B[31m- 1\u001B[39m\n+ 2');
      }),
  });
  expect(failure?.message).toBe(
    'What the scenario left when it ended throws at 20 ms: expected 1. It left 1 timer',
  );
  expect(failure?.details.slice(0, 3)).toEqual(['', '- 1', '+ 2']);
  expect(failure?.details[3]).toContain('timer heartbeat, due at 20 ms');
});

test('it is the failure that it is where nobody explains it', () => {
  const key = (message: string): string => failureKey({ kind: 'leftovers', rule: 'R204', message });
  expect(key(WORD)).toBe(key('The scenario has ended and left 2 timers and 1 resource'));
});

test('where nobody explains it, what is left does not go on, for it may never end', async () => {
  let ticks = 0;
  const { failure } = await simulate({
    scenario: (sim) => void sim.world.clock.timer('heartbeat', 20, () => (ticks += 1)),
  });
  expect(failure?.message).toBe('The scenario has ended and left 1 timer');
  expect(ticks).toBe(0);
});

test('another failure at the end is not replaced, and nothing goes on after it', async () => {
  const { failure, ...verdict } = await simulate({
    keepTrace: true,
    capturePlaces: true,
    oracles: [
      (report) => ({
        watch: () => undefined,
        end: (atMs) => report({ rule: 'X1', message: 'the oracle says no', atMs }),
      }),
    ],
    scenario: (sim) =>
      void sim.world.clock.timer('heartbeat', 20, () => {
        sim.note('beats');
        boom();
      }),
  });
  expect(failure).toMatchObject({ kind: 'rule', message: 'the oracle says no' });
  expect(verdict.trace()).toEqual([]);
});
