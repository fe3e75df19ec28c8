import { describe, expect, test } from 'vitest';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { SimulationFailedError } from '../../src/simulation/simulation-failed-error.ts';
import { holdForSeeds, simTest } from '../../src/vitest/sim-test.ts';

const played: number[] = [];

simTest('a scenario that holds passes, once per seed', async (sim) => {
  await sim.sleep(3_600_000);
  played.push(sim.now());
});

simTest('seeds and options are passed on', (sim) => void sim.world.clock.timer('left', 5, () => undefined), {
  seeds: ['only'],
  leftovers: 'ignore',
});

const typed: ScenarioDefinition = defineScenario({
  name: 'typed',
  description: 'is declared as what it is',
  run: (sim) => sim.sleep(1),
});

describe('a simulation as a test', () => {
  test('runs 20 seeds by default', () => {
    expect(played).toEqual(Array.from({ length: 20 }, () => 3_600_000));
  });

  test('seeds can be a number, and the scenario a definition with its options', async () => {
    const seeds: number[] = [];
    const definition = defineScenario({
      name: 'forgetful',
      description: 'of a test',
      options: { leftovers: 'ignore' },
      run(sim) {
        seeds.push(seeds.length + 1);
        sim.world.clock.timer('left', 5, () => undefined);
      },
    });
    await holdForSeeds('counted', definition, { seeds: 7 });
    expect(seeds).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const withFiles = { ...definition, prepare: () => undefined };
    await expect(holdForSeeds('files', withFiles)).rejects.toThrow(/one without prepare/);
    await expect(holdForSeeds('none', {} as never)).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
    });
  });

  test('its signal ends it', async () => {
    const endless = async (sim: Simulation): Promise<void> => {
      for (;;) await sim.sleep(1);
    };
    const controller = new AbortController();
    const ended = holdForSeeds('endless', endless, {
      onTurn: () => controller.abort(),
      signal: controller.signal,
    });
    await expect(ended).rejects.toThrow(/^interrupted at [\d.]+ ms: The simulation was ended from outside/);
  });

  test.for([0, 0.5, 'seed', null])('seeds that are not a list are refused: %o', async (seeds) => {
    const failing = holdForSeeds('counted', () => undefined, { seeds: seeds as never });
    await expect(failing).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
  });

  test('fails at the first seed that does not hold, with the line that repeats it', async () => {
    const seeds: string[] = [];
    const failing = holdForSeeds(
      'unlucky',
      async (sim) => {
        await sim.sleep(7);
        const answer = sim.choose('luck', 4);
        seeds.push(String(answer));
        sim.check(answer !== 0, `drew ${answer}`);
      },
      { seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
    );
    const error = await failing.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SimulationFailedError);
    const { verdict, message, stack = '' } = error as SimulationFailedError;
    expect(seeds.indexOf('0')).toBe(seeds.length - 1);
    expect(verdict.seed).toBe(String(seeds.length));
    const [, first] = stack.slice(stack.indexOf(message) + message.length).split('\n');
    expect(first).toContain('sim-test.test.ts:');
    expect(JSON.parse(JSON.stringify(error))).toEqual({ name: 'SimulationFailedError', message, stack });
    expect(message).toContain('drew 0');
    expect(message).toContain(`To see it again: simTest(…, { seeds: ["${verdict.seed}"] })`);
    const again = holdForSeeds('unlucky', (sim) => sim.check(sim.choose('luck', 4) !== 0, 'drew 0'), {
      seeds: [verdict.seed],
    });
    await expect(again).rejects.toThrow('drew 0');
  });

  test('a seed where seeds belong is refused, not ignored', async () => {
    const options = { seed: 7 } as object;
    await expect(holdForSeeds('one', () => undefined, options)).rejects.toThrow('options: expected seeds');
  });

  test('R204 a failure names the rule and its details', async () => {
    const forgetful = holdForSeeds(
      'forgetful',
      (sim) => void sim.world.clock.timer('left', 5, () => undefined),
      { seeds: ['a "seed"'] },
    );
    const error = await forgetful.catch((caught: unknown) => caught);
    const { verdict, message } = error as SimulationFailedError;
    expect(verdict.failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
    expect(message).toContain('has ended and left 1 timer');
    expect(message).toContain('timer left, due at 5 ms');
    expect(message).toContain('seeds: ["a \\"seed\\""]');
  });

  test.for([
    [
      'an error',
      (sim: Simulation): Promise<void> => sim.sleep(1).then(() => Promise.reject(new Error('lost'))),
    ],
    [
      'a timer that is left',
      (sim: Simulation): void => void sim.world.clock.timer('left', 5, () => undefined),
    ],
    ['a deadlock', (sim: Simulation): Promise<void> => sim.sleep(1).then(() => new Promise<void>(() => {}))],
  ] as const)("for %s, the stack begins with the user's line, explained or not", async ([, scenario]) => {
    for (const explain of [false, true]) {
      const error = await holdForSeeds('lines', scenario, { explain }).catch((caught: unknown) => caught);
      const { stack = '', message } = error as SimulationFailedError;
      expect(stack.startsWith(`SimulationFailedError: ${message}\n`)).toBe(true);
      const [, first, second] = stack.slice(`SimulationFailedError: ${message}`.length).split('\n    at ');
      expect(first).toContain('sim-test.test.ts:');
      expect(second).not.toBe(first);
      expect(stack).not.toContain('/src/kernel/');
      expect(message).toContain(
        explain
          ? 'What would have held'
          : 'To have it made small and explained: simTest(…, { seeds: ["1"], explain: true })',
      );
    }
  });

  test('the error has the expected and actual values of the assertion', async () => {
    const error = await holdForSeeds('compared', () => expect(['a']).toEqual(['b'])).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ expected: ['b'], actual: ['a'] });
  });

  test('a failure is shrunk and explained on request', async () => {
    const scenario = async (sim: Simulation): Promise<void> => {
      for (let round = 1; round <= 5; round += 1) {
        sim.pick(`noise ${round}`, ['low', 'high']);
        const luck = sim.pick(`luck ${round}`, ['good', 'bad']);
        await sim.sleep(5);
        sim.check(luck !== 'bad' || round < 3, `bad luck in round ${round}`);
      }
    };
    const error = await holdForSeeds('unlucky', scenario, { explain: true }).catch(
      (caught: unknown) => caught,
    );
    const { message, verdict } = error as SimulationFailedError;
    const [, explanation = ''] = message.split(`{ seeds: ["${verdict.seed}"] })\n\n`);
    expect(explanation.split('\n').filter((line) => !line.includes('.test.ts:'))).toEqual([
      'unlucky fails at 15 ms: bad luck in round 3, when "luck 3" is bad.',
      'What happened',
      '  15 ms ! bad luck in round 3',
      'What would have held',
      '  If "luck 3" had been good instead of bad, it would have held.',
      'Where',
      '  "luck 3" was decided',
      '  it was noticed',
    ]);
  });

  test('a failure that does not repeat is not explained', async () => {
    let count = 0;
    const scenario = (sim: Simulation): void => sim.check((count += 1) > 1, 'only the first time');
    const failing = holdForSeeds('flaky', scenario, { explain: true });
    await expect(failing).rejects.toThrow(/It cannot be explained, for it does not repeat: .*/);
  });

  test('a failure after more events than can be watched says so, and no thread dies', async () => {
    const scenario = async (sim: Simulation): Promise<void> => {
      for (let step = 0; step < 250_001; step += 1) await sim.sleep(1);
      sim.check(false, 'too late');
    };
    const failing = holdForSeeds('long', scenario, { explain: true });
    await expect(failing).rejects.toThrow(
      'It cannot be explained, for it has more than the 250,000 events that can be watched',
    );
  });

  test('explain must be a boolean', async () => {
    const failing = holdForSeeds('wrong', () => undefined, { explain: 1 as never });
    await expect(failing).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
  });
});

simTest('a definition with the type that is declared is taken as it is', typed, { seeds: 1 });
