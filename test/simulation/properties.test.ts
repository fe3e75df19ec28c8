import { describe, expect, test } from 'vitest';
import { createNetwork } from '../../src/cluster/network.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Scenario } from '../../src/simulation/simulate-options.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { EventuallyFailedError } from '../../src/simulation/watched-properties.ts';
import { fault } from '../questions.ts';

/** Counts up to `last` on the clock, one each millisecond. */
function counter(sim: Simulation, last: number): { count: number } {
  const state = { count: 0 };
  const tick = (): void => {
    state.count += 1;
    if (state.count < last) sim.world.clock.timer('tick', 1, tick);
  };
  sim.world.clock.timer('tick', 1, tick);
  return state;
}

describe('always', () => {
  test('a property is evaluated after every event, and the first time that it is false is the failure', async () => {
    const { failure, firedEvents } = await simulate({
      scenario: async (sim) => {
        const state = counter(sim, 100);
        sim.always('fewer than 7', () => state.count < 7);
        await sim.sleep(1_000);
      },
    });
    expect(failure).toMatchObject({ kind: 'always', message: '"fewer than 7" does not hold', atMs: 7 });
    expect(firedEvents).toBe(7);
  });

  test('a state that lasts only until the reactions of its event have run is never seen', async () => {
    const { held } = await simulate({
      scenario: async (sim) => {
        let sum = 0;
        sim.always('balanced', () => sum === 0);
        for (let round = 0; round < 20; round += 1) {
          await sim.sleep(1);
          sum += 1;
          await Promise.resolve();
          sum -= 1;
        }
      },
    });
    expect(held).toBe(true);
  });

  test('the state after the last step is judged too', async () => {
    const { failure } = await simulate({
      scenario: async (sim) => {
        let isOpen = false;
        sim.always('closed', () => !isOpen);
        await sim.sleep(1);
        isOpen = true;
      },
    });
    expect(failure?.message).toBe('"closed" does not hold');
  });

  const lost = (): never => {
    throw new Error('lost');
  };
  test.for<readonly [string, () => void]>([
    ['a timer throws', lost],
    ['a promise that nobody awaits rejects with', () => void Promise.resolve().then(lost)],
  ])('sees a node down after an error that %s, before the next event', async ([, fail]) => {
    const seen: string[] = [];
    const { failure } = await simulate({
      scenario: async (sim) => {
        const net = createNetwork(sim);
        const onDown = (): void => void Promise.resolve().then(() => seen.push(`down at ${sim.now()} ms`));
        const node = net.node('a', ({ clock }) => void clock.timer('fails', 10, fail), {
          onError: 'crash',
          onDown,
        });
        sim.world.clock.timer('later', 1_000, () => seen.push('later'));
        await sim.sleep(1);
        sim.always('a is up', () => node.state === 'up');
        await sim.sleep(5_000);
      },
    });
    expect(failure).toMatchObject({ kind: 'always', message: '"a is up" does not hold', atMs: 10 });
    expect(seen).toEqual(['down at 10 ms']);
  });

  test('a property that throws does not hold, and one that does not return a boolean is misuse', async () => {
    const thrown = new Error('three are alive');
    const throwing = await simulate({
      scenario: (sim) =>
        sim.always('one is alive', () => {
          throw thrown;
        }),
    });
    expect(throwing.failure).toMatchObject({
      kind: 'always',
      message: '"one is alive" does not hold: three are alive',
      cause: thrown,
    });
    const wordy = await simulate({ scenario: (sim) => sim.always('yes', (() => 'yes') as never) });
    expect(wordy.failure).toMatchObject({
      kind: 'error',
      message: 'the function of sim.always("yes"): expected one that returns true or false, got "yes"',
    });
  });
});

describe('sometimes', () => {
  test('the verdict says what was reached and what was only mentioned', async () => {
    const verdict = await simulate({
      scenario: async (sim) => {
        sim.sometimes('never', false);
        for (let round = 0; round < 3; round += 1) {
          await sim.sleep(1);
          sim.sometimes('second round', round === 1);
        }
        sim.sometimes('the end');
      },
    });
    expect(verdict.held).toBe(true);
    expect(verdict.sometimes).toEqual({ never: false, 'second round': true, 'the end': true });
    expect((await simulate({ scenario: () => undefined })).sometimes).toEqual({});
  });
});

describe('eventually', () => {
  test.each([
    { what: 'set before its own', isBefore: true },
    { what: 'set after its own', isBefore: false },
  ])('sees what comes at the end of its last instant, by a deadline $what', async ({ isBefore }) => {
    const { failure, virtualMs } = await simulate({
      async scenario(sim) {
        let isOver = false;
        const end = (): void => void sim.world.clock.endOfInstant('wait', 100, () => (isOver = true));
        if (isBefore) end();
        const property = sim.eventually('over', () => isOver, { withinMs: 100 });
        if (!isBefore) end();
        await property;
      },
    });
    expect([failure, virtualMs]).toEqual([undefined, 100]);
  });

  test('of two that do not come true in one instant, the one that was stated first fails', async () => {
    const { failure, virtualMs } = await simulate({
      async scenario(sim) {
        const limits = { withinMs: 100 };
        const all = ['one', 'other'].map((name) => sim.eventually(name, () => false, limits));
        await Promise.all(all);
      },
    });
    expect([failure?.message, virtualMs]).toEqual([
      '"one" has not come true within 100 ms without faults',
      100,
    ]);
  });

  const afterCount = (last: number, withinMs: number): Scenario => {
    return async (sim) => {
      const state = counter(sim, last);
      await sim.eventually('ten', () => state.count >= 10, { withinMs });
      sim.note(`ten at ${sim.now()}`);
      await sim.sleep(last - sim.now());
    };
  };

  test('resolves after the event that makes the property true, even at the very end of its time', async () => {
    for (const withinMs of [500, 10]) {
      const verdict = await simulate({ scenario: afterCount(20, withinMs), keepTrace: true });
      expect(verdict.failure).toBeUndefined();
      expect(verdict.trace()).toContainEqual(expect.objectContaining({ type: 'note', text: 'ten at 10' }));
      expect(verdict.virtualMs).toBe(20);
    }
  });

  test('a property that becomes true too late, or never, fails at the end of its time', async () => {
    const late = await simulate({ scenario: afterCount(20, 9) });
    expect(late.failure).toMatchObject({
      kind: 'eventually',
      message: '"ten" has not come true within 9 ms without faults',
      atMs: 9,
    });
    expect(late.failure?.cause).toBeInstanceOf(EventuallyFailedError);
    expect((await simulate({ scenario: afterCount(5, 1_000) })).failure?.atMs).toBe(1_000);
  });

  test('the scenario goes no further when it fails, and what the property threw is the reason', async () => {
    let isReached = false;
    let caught: unknown;
    const { failure } = await simulate({
      scenario: async (sim) => {
        const missing = new Error('nobody answers');
        const property = sim.eventually(
          'answered',
          () => {
            throw missing;
          },
          { withinMs: 3 },
        );
        try {
          await property;
          isReached = true;
        } catch (error) {
          caught = error;
          throw error;
        }
      },
    });
    expect(failure).toMatchObject({
      kind: 'eventually',
      message: '"answered" has not come true within 3 ms without faults: nobody answers',
    });
    expect(isReached).toBe(false);
    expect(caught).toBeInstanceOf(EventuallyFailedError);
  });

  test('R204 one that was not awaited is left over under its name', async () => {
    const { failure } = await simulate({
      scenario: (sim) => {
        void sim.eventually('forgotten', () => false, { withinMs: 5 });
      },
    });
    expect(failure).toMatchObject({ kind: 'leftovers' });
    expect(failure?.details.slice(0, 2)).toEqual([
      'sim.eventually("forgotten") has not ended: a promise was not awaited',
      'timer eventually forgotten, due at 5 ms',
    ]);
  });

  test.for([
    [undefined, 'limits: expected an object with withinMs, such as { withinMs: 60_000 }, got undefined'],
    [100, 'limits: expected an object with withinMs, such as { withinMs: 60_000 }, got 100'],
    [{ withinMs: '1' }, 'limits.withinMs: expected a finite number ≥ 0, got "1"'],
  ])('with the limits %o it names itself, its name and its line, awaited or not', async ([limits, text]) => {
    for (const isAwaited of [true, false]) {
      const { failure } = await simulate({
        capturePlaces: true,
        scenario: async (sim) => {
          const property = sim.eventually('done', () => true, limits as never);
          if (isAwaited) await property;
          else await sim.sleep(1);
        },
      });
      const how = isAwaited ? '' : 'unhandled rejection in the scenario: ';
      expect(failure?.message).toBe(`${how}sim.eventually("done"): ${text as string}`);
      expect((failure?.cause as Error).stack).toMatch(/properties\.test\.ts:\d+/);
    }
  });

  test('an async function is refused with the line that stated it', async () => {
    const states: readonly ((sim: Simulation) => unknown)[] = [
      (sim) => sim.always('open', (() => Promise.resolve(true)) as never),
      (sim) => sim.eventually('open', (() => Promise.resolve(true)) as never, { withinMs: 5 }),
    ];
    for (const [at, state] of states.entries()) {
      const { failure } = await simulate({
        capturePlaces: true,
        scenario: async (sim) => {
          await state(sim);
          await sim.sleep(10);
        },
      });
      expect(failure).toMatchObject({ kind: 'error', cause: { code: 'RUNNER_INVALID_ARGUMENT' } });
      expect(failure?.message).toBe(
        `the function of sim.${at === 0 ? 'always' : 'eventually'}("open"): expected one that returns true or false, got a Promise`,
      );
      expect(failure?.details).toEqual([
        expect.stringMatching(/^it was stated here\n[^]*properties\.test\.ts:\d+/),
      ]);
    }
  });

  test('ends all faults, also those of chaos: stuck calls go on, and no fault is asked for any more', async () => {
    const verdict = await simulate({
      // Every answer is the highest one, so that every fault strikes.
      source: { decide: (_label, n) => n - 1 },
      scenario: async (sim) => {
        const runner = createFakeRunner(sim.world, { capacity: 9, history: 9, script: () => ({ runMs: 5 }) });
        const chaos = createChaosRunner(sim.world, runner, { plan: { rates: { run: { stuck: 0.5 } } } });
        let accepted = 0;
        const run = async (): Promise<void> => {
          await chaos.run({ argv: ['x'] });
          accepted += 1;
        };
        const stuck = run();
        await sim.sleep(100);
        sim.check(accepted === 0 && !sim.healed, 'it is stuck');
        await sim.eventually('accepted', () => accepted === 1, { withinMs: 0 });
        sim.check(sim.healed && !sim.strikes('disk', 'full', { oneIn: 2 }), 'healed');
        const other = sim.world.choices.choose(fault('other'), 4);
        sim.check(other === 0 && sim.choose('other', 4) === 3, 'only faults are over');
        await Promise.all([stuck, run()]);
        await chaos.release();
      },
    });
    expect(verdict.failure).toBeUndefined();
    const faults = verdict.decisions().filter(({ question }) => question.kind === 'fault');
    expect(faults).toMatchObject([{ question: { text: 'chaos run fault' }, n: 2, answer: 1 }]);
    expect(verdict.faults).toBe(1);
  });

  test('listeners are called once, in order, and at once after the end of faults', async () => {
    const calls: string[] = [];
    await simulate({
      scenario: (sim) => {
        sim.onHeal(() => calls.push('first'));
        sim.world.onHeal(() => calls.push('second'));
        sim.heal();
        sim.heal();
        sim.onHeal(() => calls.push('late'));
      },
    });
    expect(calls).toEqual(['first', 'second', 'late']);
  });
});

describe('clear reports', () => {
  test('a scenario that throws at once fails with just that error', async () => {
    const { failure } = await simulate({
      scenario: () => {
        throw new Error('no such file');
      },
    });
    expect(failure).toMatchObject({ kind: 'error', message: 'no such file', details: [] });
  });

  test('R204 a sleep of the scenario that was not awaited is reported as such', async () => {
    const { failure } = await simulate({
      scenario: (sim) => {
        void sim.sleep(5);
        void sim.sleep(6);
      },
    });
    expect(failure?.details[0]).toBe(
      '2 × sim.sleep of the scenario has not ended: a promise was not awaited',
    );
  });

  test('a sleep can have a name, which reports use', async () => {
    const { failure } = await simulate({
      scenario: (sim) => {
        void sim.sleep(5, 'worker 1 looks again');
      },
    });
    expect(failure?.details[0]).toBe('timer worker 1 looks again, due at 5 ms');
  });

  test('a check after the end says that something was not awaited, whether it would hold or not', async () => {
    let leaked: Simulation | undefined;
    await simulate({ scenario: (sim) => void (leaked = sim) });
    for (const condition of [true, false]) {
      expect(() => leaked?.check(condition, 'late')).toThrow(
        'sim.check "late" was called after the end of its simulation, "scenario"; a promise of the scenario was not awaited',
      );
    }
  });

  test.for([
    [
      'always',
      (sim: Simulation) => sim.always('x', 1 as never),
      /^sim\.always\("x"\): holds: expected a function/,
    ],
    [
      'sometimes',
      (sim: Simulation) => sim.sometimes('x', 1 as never),
      /^sim\.sometimes\("x"\): condition: expected true or false, got 1$/,
    ],
    [
      'sometimes with a function',
      (sim: Simulation) => sim.sometimes('x', (() => true) as never),
      /^sim\.sometimes\("x"\): condition: .*, got a function, which is not called here: pass its value$/,
    ],
    ['onHeal', (sim: Simulation) => sim.onHeal(1 as never), /onHeal: expected a function/],
    ['strikes', (sim: Simulation) => sim.strikes('x', 'y', { oneIn: 1 }), /oneIn: expected an integer ≥ 2/],
    ['draw', (sim: Simulation) => sim.draw({} as never), /arbitrary: expected an object with generate/],
    [
      'eventually',
      (sim: Simulation) => sim.eventually('x', () => true, { withinMs: Infinity }),
      /withinMs: expected a finite number ≥ 0/,
    ],
    [
      'atSomeEvent',
      (sim: Simulation) => sim.atSomeEvent('x', () => undefined, { within: 0 }),
      /within: expected an integer ≥ 1/,
    ],
  ] as const)('wrong use of %s is refused, and any use after the end', async ([, use, text]) => {
    let leaked: Simulation | undefined;
    const { failure } = await simulate({
      scenario: async (sim) => {
        leaked = sim;
        await use(sim);
      },
    });
    expect(failure).toMatchObject({ kind: 'error', message: expect.stringMatching(text) });
    expect(failure?.cause).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    await expect((async () => use(leaked!))()).rejects.toMatchObject({ code: 'RUNNER_SIMULATION_MISUSE' });
  });
});
