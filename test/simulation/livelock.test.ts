import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { EventTail, TAIL_LENGTH } from '../../src/simulation/endless-watch.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { topicOf, type Label } from '../../src/kernel/question.ts';

function describeCycle(labels: readonly Label[]): string | undefined {
  const tail = new EventTail();
  labels.forEach((label, index) =>
    tail.watch({ topic: topicOf(label), id: index + 1, cause: 0, atMs: 0, late: false }),
  );
  return tail.describeCycle();
}

/** The n-th round of something that goes on and on. */
const round = (what: string, n: number): Label => ({ owner: 'loop', what, subject: String(n) });

function repeated<T>(cycle: readonly T[], times: number): T[] {
  return Array.from({ length: times }, () => cycle).flat();
}

describe('the cycle of a run that does not end', () => {
  test.for([
    ['one label', repeated(['a'], 9), 'repeats every event: a'],
    ['three labels', repeated(['b', 'c', 'a'], 5), 'repeats every 3 events: a → b → c'],
    ['the shortest period counts', repeated(['a', 'b', 'a', 'b'], 4), 'repeats every 2 events: a → b'],
    ['wherever it was stopped', [...repeated(['a', 'b'], 5), 'a'], 'repeats every 2 events: a → b'],
    ['a beginning is left out', ['x', 'y', ...repeated(['a', 'b'], 6)], 'repeats every 2 events: a → b'],
    [
      'subjects that change',
      [round('run', 1), 'end', round('run', 2), 'end', round('run', 3), 'end'],
      'repeats every 2 events: end → loop run #',
    ],
    [
      'subjects that take turns',
      repeated([round('run', 1), round('run', 2)], 3),
      'repeats every event: loop run #',
    ],
    ['a text is all that is known of what has no parts', ['run 1', 'run 2', 'run 3'], undefined],
    ['a short repetition at the end of a long run is none', [...'abcdefghij', 'a', 'a', 'a'], undefined],
    ['no repetition', [...'abcabd'], undefined],
    ['twice is not enough', repeated(['a', 'b', 'c'], 2), undefined],
    ['nothing', [], undefined],
  ] as const)('%s', ([, labels, expected]) => {
    expect(describeCycle(labels)).toBe(expected);
  });

  test('a long cycle is found at the end of a full tail', () => {
    const cycle = Array.from({ length: 1_000 }, (_, index) => `step ${String.fromCodePoint(0x4e00 + index)}`);
    const labels = repeated(cycle, 5).slice(-TAIL_LENGTH);
    expect(describeCycle(labels)).toBe(`repeats every 1000 events: ${cycle.join(' → ')}`);
  });

  test('is shown once by the budget, however long the run was, and listeners to events stay', async () => {
    let heard = 0;
    const pingPong = async (sim: Simulation): Promise<void> => {
      for (let n = 0; ; n += 1) {
        await sleep(sim.world.clock, 1, round('ping', n));
        await sleep(sim.world.clock, 1, 'pong');
      }
    };
    for (const maxEvents of [10, 20_000]) {
      heard = 0;
      const { failure } = await simulate({ maxEvents, scenario: pingPong, onFire: () => void (heard += 1) });
      expect(failure).toMatchObject({
        kind: 'budget',
        details: ['repeats every 2 events: loop ping # → pong'],
      });
      expect(heard).toBe(maxEvents);
    }
  });

  test('that keeps time where it is names what it keeps from firing', async () => {
    const poll = async (sim: Simulation, ms: number): Promise<void> => {
      const answers: string[] = [];
      sim.world.clock.timer('the answer', 100, () => answers.push('yes'));
      while (answers.length === 0) await sleep(sim.world.clock, ms, 'poll');
    };
    const [still, goesOn] = await Promise.all(
      [0, 0.001].map((ms) => simulate({ maxEvents: 20_000, scenario: (sim) => poll(sim, ms) })),
    );
    expect(still?.failure).toMatchObject({
      kind: 'budget',
      details: [
        'the last 4096 events fired at 0 ms without time advancing; the answer is due later, at 100 ms',
        'repeats every event: poll',
      ],
    });
    expect(goesOn?.failure).toMatchObject({ kind: 'budget', details: ['repeats every event: poll'] });
  });

  test('of others that keeps time where it is is a stall long before the default budget', async () => {
    const { failure, firedEvents } = await simulate({
      leftovers: 'ignore',
      async scenario(sim) {
        const { clock } = sim.world;
        const again = (): void => void clock.timer('again', 0, again);
        again();
        clock.endOfInstant('the end of the instant', 0, () => undefined);
        await sim.sleep(10);
      },
    });
    expect(failure).toMatchObject({
      kind: 'stall',
      rule: 'R211',
      message:
        'Stall: time does not advance, because what fires is due again at once, and the scenario has not ended',
      details: [
        'more than 1000000 events fired at 0 ms without time advancing; scenario sleep is due later, at 10 ms',
        'if this ends by itself, state maxEvents, which then is the only limit',
        'repeats at one instant: again',
      ],
    });
    expect(firedEvents).toBeGreaterThan(1_000_000);
    expect(firedEvents).toBeLessThan(1_100_000);
  });

  test.each([
    ['that moves time a little', { ms: 0.001, isAwaited: false }],
    ['of the scenario itself', { ms: 0, isAwaited: true }],
    ['that ends by itself', { ms: 0, isAwaited: false }],
  ])('%s is no stall while something is due later', async (_, { ms, isAwaited }) => {
    const { failure } = await simulate({
      leftovers: 'ignore',
      async scenario(sim) {
        const { clock } = sim.world;
        const isOver = sleep(clock, 1_000, 'the end');
        const loop = async (): Promise<void> => {
          for (let n = 0; n < 300_000; n += 1) await sleep(clock, ms, 'again');
        };
        if (isAwaited) await loop();
        else void loop();
        await isOver;
      },
    });
    expect(failure).toBeUndefined();
  });

  test('without a cycle, the budget shows what would come next', async () => {
    let label = 'a';
    const { failure } = await simulate({
      maxEvents: 50,
      scenario: async (sim) => {
        for (;;) {
          label += 'a';
          await sleep(sim.world.clock, 1, label);
        }
      },
    });
    expect(failure).toMatchObject({ kind: 'budget', details: [label] });
  });
});
