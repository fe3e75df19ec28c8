import { describe, expect, test } from 'vitest';
import {
  defineScenario,
  simulate,
  type DecisionSource,
  type Failure,
  type Question,
  type Scenario,
  type Verdict,
} from 'dryrunner';
import { ambientTime, type TimeFaults } from 'dryrunner/ambient';
import { createExecutor, explain, failureKey, formatExplanation, shrink } from 'dryrunner/explore';
import { createVirtualClock } from 'dryrunner/kernel';

/** Milliseconds since the simulation began: its process is a second older. */
const elapsed = (): number => performance.now() - 1_000;

const EPOCH_MS = Date.UTC(2000, 0, 1);
const passes = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Every `nth` question about that fault is answered with the highest answer, or one below; all others are plain. */
function striking(kind: string, nth = 1, below = 0): DecisionSource {
  return {
    decide: ({ kind: about, topic }: Question, n, occurrence) =>
      about === 'fault' && topic.what === kind && occurrence === nth - 1 ? n - 1 - below : 0,
  };
}

function verdictOf(faults: TimeFaults, source: DecisionSource, scenario: Scenario): Promise<Verdict> {
  return simulate({ ambient: ambientTime({ faults }), source, scenario, keepTrace: true });
}

describe('a stall of the event loop', () => {
  test('what is due meanwhile fires late, in the order in which it was due, and new work comes after it', async () => {
    const seen: string[] = [];
    const note = (name: string): void => void seen.push(`${name} at ${elapsed()}`);
    const { failure } = await verdictOf({ stall: { stallMs: [25] } }, striking('stall'), async () => {
      setTimeout(() => {
        note('10');
        setImmediate(note, 'immediate');
        setTimeout(note, 1, '1 later');
      }, 10);
      setTimeout(note, 20, '20');
      setTimeout(note, 15, '15');
      setTimeout(note, 40, '40');
      await passes(50);
    });
    expect(failure).toBeUndefined();
    expect(seen).toEqual([
      '10 at 35',
      '15 at 35',
      '20 at 35',
      'immediate at 35',
      '1 later at 36',
      '40 at 40',
    ]);
  });

  test('no timer overtakes one that was due before it, under any decision', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const seen: [dueMs: number, firedMs: number][] = [];
      await simulate({
        ambient: ambientTime({ faults: { stall: { oneIn: 2, stallMs: [1, 7, 30] } } }),
        seed,
        scenario: async () => {
          for (const ms of [5, 9, 3, 12, 12, 30, 8, 4, 9]) {
            setTimeout(() => seen.push([ms, elapsed()]), ms);
          }
          await passes(200);
        },
      });
      expect(seen).toEqual(seen.toSorted(([one], [other]) => one - other));
      expect(seen.every(([due, fired]) => fired >= due)).toBe(true);
      expect(seen.map(([, fired]) => fired)).toEqual(
        seen.map(([, fired]) => fired).toSorted((a, b) => a - b),
      );
    }
  });

  test('of a clock: those due together stay a decision, and what is due at the new time comes last', () => {
    const asked: number[] = [];
    const clock = createVirtualClock({ choices: { choose: (_, n) => asked.push(n) * 0 + n - 1 } });
    const fired: string[] = [];
    for (const [name, ms] of [
      ['a', 5],
      ['b', 5],
      ['c', 7],
      ['d', 10],
    ] as const) {
      clock.timer(name, ms, () => fired.push(`${name}${clock.now()}`));
    }
    clock.post('now', () => fired.push(`now${clock.now()}`));
    clock.stall(10);
    clock.post('posted', () => fired.push(`posted${clock.now()}`));
    while (clock.step());
    expect(fired).toEqual(['now10', 'b10', 'a10', 'c10', 'posted10', 'd10']);
    expect(asked).toEqual([2, 2]);
    expect(() => clock.stall(-1)).toThrow(/^ms: expected/);
  });
});

describe('Date behind the timers', () => {
  test('a timer sees the millisecond before its own, and time does not go back', async () => {
    const seen: number[] = [];
    await verdictOf({ dateBehind: true }, striking('behind'), async () => {
      setTimeout(() => seen.push(Date.now() - EPOCH_MS, elapsed()), 10);
      await passes(20);
      seen.push(Date.now() - EPOCH_MS);
    });
    expect(seen).toEqual([9, 10, 20]);
  });

  test('who has seen the millisecond does not see the one before', async () => {
    for (const nth of [1, 2, 3]) {
      const seen: number[] = [];
      await verdictOf({ dateBehind: true }, striking('behind', nth), async () => {
        for (const ms of [10, 10, 10]) setTimeout(() => seen.push(Date.now()), ms);
        await passes(20);
      });
      expect(seen).toEqual(seen.toSorted((one, other) => one - other));
    }
  });
});

test('a step of the wall clock moves Date, and no other clock', async () => {
  const seen: number[] = [];
  const { trace } = await verdictOf({ wallStep: true }, striking('step'), async () => {
    await passes(10);
    seen.push(Date.now() - EPOCH_MS, elapsed(), process.uptime());
    await passes(10);
    seen.push(Date.now() - EPOCH_MS);
  });
  expect(seen).toEqual([10 - 3_600_000, 10, 1.01, 20 - 3_600_000]);
  expect(trace()).toContainEqual(expect.objectContaining({ type: 'fault', operation: 'time', kind: 'step' }));
});

test('they end with sim.heal, and none comes unless it is asked for', async () => {
  const everywhere: DecisionSource = { decide: ({ kind }, n) => (kind === 'fault' ? n - 1 : 0) };
  const all = { stall: true, dateBehind: true, wallStep: true };
  const healed = await verdictOf(all, everywhere, async (sim) => {
    sim.heal();
    await passes(10);
    sim.check(Date.now() === EPOCH_MS + 10 && elapsed() === 10, 'time is plain');
  });
  expect(healed.failure).toBeUndefined();
  const plain = await verdictOf({}, everywhere, async (sim) => {
    await passes(10);
    sim.check(Date.now() === EPOCH_MS + 10 && elapsed() === 10, 'time is plain');
  });
  expect([plain.failure, plain.decisionCount]).toEqual([undefined, 0]);
});

test('a failure is shrunk to the fault, and explained in its words', async () => {
  const scenario = defineScenario({
    name: 'stalled-lease',
    description: 'of a test',
    options: { ambient: ambientTime({ faults: { stall: { oneIn: 2 }, wallStep: { oneIn: 2 } } }) },
    async run(sim) {
      const renewed = elapsed();
      for (let i = 0; i < 5; i += 1) await passes(10);
      sim.check(elapsed() - renewed < 100, 'the lease is renewed in time');
    },
  });
  const executor = createExecutor(scenario);
  const everywhere: DecisionSource = { decide: (_, n) => n - 1 };
  const { failure, decisions } = await executor.execute({ source: everywhere });
  expect(failure?.kind).toBe('check');
  const { log } = await shrink(executor, decisions(), failureKey(failure as Failure));
  expect(log.filter(({ answer }) => answer > 0)).toHaveLength(1);
  const text = formatExplanation(await explain(executor, log))
    .map((line) => line.text)
    .join('\n');
  expect(text).toContain('the event loop stalls for 1000 ms');
});

test.for([
  [
    { stalls: true },
    /^faults: expected only the fields stall, dateBehind, wallStep, got a field "stalls"; the nearest is stall$/,
  ],
  [
    { stall: { stepMs: [1] } },
    /^faults\.stall: expected only the fields oneIn, stallMs, got a field "stepMs"/,
  ],
  [{ stall: { oneIn: 1 } }, /^faults\.stall\.oneIn: expected an integer ≥ 2, got 1$/],
  [{ stall: { stallMs: [] } }, /^faults\.stall\.stallMs: expected a list of whole milliseconds/],
  [{ stall: { stallMs: [-5] } }, /^faults\.stall\.stallMs\[0\]: expected an integer ≥ 1, got -5/],
  [{ wallStep: { stepMs: [0] } }, /^faults\.wallStep\.stepMs\[0\]: expected/],
  [null, /^faults: expected an object of options, got null$/],
] as const)('options that make no sense are refused: %o', ([faults, message]) => {
  expect(() => ambientTime({ faults: faults as TimeFaults })).toThrow(message);
});
