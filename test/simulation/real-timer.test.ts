import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { ambientTime } from '../../src/ambient/ambient-time.ts';
import { createExecutor, explain, formatExplanation } from '../../src/explore/index.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { SimulateOptions } from '../../src/simulation/simulate-options.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { Failure } from '../../src/simulation/verdict.ts';

// First of all: once a scenario has left a timer behind, all that are set are counted.
/** Taken when loaded, as a test runner does. */
const setOwnTimer = setTimeout;

test('a deadlock is found although others set timers in every turn of the event loop', async () => {
  const timers: NodeJS.Timeout[] = [];
  let isOn = true;
  const inEachTurn = (): void => {
    timers.push(setOwnTimer(() => {}, 60_000));
    if (isOn) setImmediate(inEachTurn);
  };
  setImmediate(inEachTurn);
  const { failure } = await simulate({ scenario: () => new Promise(() => {}) });
  isOn = false;
  for (const timer of timers) clearTimeout(timer);
  expect(timers.length).toBeGreaterThan(1);
  expect(failure?.kind).toBe('deadlock');
});

test('a scenario that waits for a real timer escapes, however soon it fires and whatever an earlier execution left', async () => {
  const kinds: (string | undefined)[] = [];
  for (let seed = 1; seed <= 30; seed += 1) {
    const { failure } = await simulate({
      seed,
      scenario: async (sim) => {
        await sim.sleep(1);
        await new Promise((resolve) => {
          setTimeout(resolve, seed % 7);
        });
      },
    });
    kinds.push(failure?.kind);
  }
  expect(new Set(kinds)).toEqual(new Set(['escape']));
});

describe('the explanation of an escape', () => {
  const explained = async (run: (sim: Simulation) => Promise<unknown>): Promise<string[]> => {
    const scenario = defineScenario<unknown>({
      name: 'real-wait',
      description: 'waits for the machine',
      async run(sim) {
        await sim.sleep(1);
        await run(sim);
      },
    });
    return formatExplanation(await explain(createExecutor(scenario), [])).map(({ text }) => text);
  };
  const place = /^ {4}\S*real-timer\.test\.ts:\d+:\d+$/;

  test('names the call that was made outside and its line, then the line at which the scenario waits', async () => {
    const lines = await explained(async function waits() {
      await new Promise(function starts(resolve) {
        setTimeout(resolve, 2);
      });
    });
    expect(lines[0]).toMatch(/waits for something outside of the simulation \(a real timer\)/);
    const from = lines.indexOf('In detail');
    expect(lines[from + 1]).toBe(
      '  outside of the simulation: a real timer, by setTimeout of node:timers, called here',
    );
    expect(lines[from + 2]).toMatch(/^ {4}starts \(.*real-timer\.test\.ts:\d+:\d+\)$/);
    expect(lines.slice(from).join('\n')).toContain(
      'virtual time does not wait for a real timer: use sim.sleep',
    );
    const said = lines.indexOf('  the scenario waits here, for a promise that is settled from outside');
    expect(said).toBeGreaterThan(from + 2);
    expect(lines[said + 1]).toMatch(/^ {4}waits \(.*real-timer\.test\.ts:\d+:\d+\)$/);
  });

  test('names what starts a process', async () => {
    const lines = await explained(() => promisify(exec)('sleep 0.3'));
    const said = lines.findIndex((line) => line.startsWith('  outside of the simulation: a child process'));
    expect(lines[said]).toMatch(/, by exec of node:child_process, called here$/);
    expect(lines[said + 1]).toMatch(place);
  });
});

test('a deadlock beside a foreign timer is a deadlock', async () => {
  const timer = setTimeout(() => {}, 60_000);
  const { failure } = await simulate({ scenario: () => new Promise(() => {}) });
  clearTimeout(timer);
  expect(failure?.kind).toBe('deadlock');
});

test('a timer that was set and cleared is nothing to wait for, also once timers are counted as they are set', async () => {
  const waits = await simulate({
    scenario: () =>
      new Promise((resolve) => {
        setTimeout(resolve, 1);
      }),
  });
  const beside = setTimeout(() => {}, 60_000);
  let timer: NodeJS.Timeout | undefined;
  const { failure } = await simulate({
    scenario: () => {
      timer = setTimeout(() => {}, 60_000);
      clearTimeout(timer);
      return new Promise(() => {});
    },
  });
  clearTimeout(beside);
  expect(waits.failure?.kind).toBe('escape');
  // It does not show that it is over.
  expect(timer?.hasRef()).toBe(true);
  expect(failure?.kind).toBe('deadlock');
});

describe('another failure while a real timer runs', () => {
  const timers: NodeJS.Timeout[] = [];
  afterEach(() => {
    for (const timer of timers.splice(0)) clearTimeout(timer);
  });
  const fails = async (
    scenario: (sim: Simulation) => Promise<unknown>,
    options: Pick<SimulateOptions, 'ambient'> = {},
  ): Promise<Failure | undefined> => {
    const { failure } = await simulate({
      ...options,
      scenario: async (sim) => {
        timers.push(setTimeout(() => {}, 60_000));
        await sim.sleep(5);
        await scenario(sim);
      },
    });
    return failure;
  };
  const hint = expect.stringMatching(
    /^virtual time does not wait for a real timer: use sim\.sleep/,
  ) as string;

  test.for([
    ['check', (sim: Simulation) => sim.check(false, 'late')],
    ['error', () => Promise.reject(new Error('late'))],
    ['always', (sim: Simulation) => sim.always('in time', () => false)],
  ] as const)('of kind %s names the timer, its line and the remedy', async ([kind, fail]) => {
    const failure = await fails(async (sim) => {
      await fail(sim);
      await sim.sleep(1);
    });
    expect(failure).toMatchObject({
      kind,
      details: [
        expect.stringMatching(/a real timer, by setTimeout, called here\n[^]*real-timer\.test\.ts/),
        hint,
      ],
    });
  });

  test('does not name a timer that was cleared, nor one of ambient time', async () => {
    const cleared = await fails(() => {
      clearTimeout(timers[0]);
      throw new Error('late');
    });
    const virtual = await fails(() => Promise.reject(new Error('late')), { ambient: ambientTime() });
    expect([cleared?.details, virtual?.details]).toEqual([[], []]);
  });
});

test('of many timers that are left each is counted, and four places are enough', async () => {
  const timers: NodeJS.Timeout[] = [];
  const { failure } = await simulate({
    scenario: () => {
      for (let count = 0; count < 50; count += 1) clearTimeout(setTimeout(() => {}, 60_000));
      for (let count = 0; count < 100; count += 1) timers.push(setTimeout(() => {}, 60_000));
      return Promise.resolve();
    },
  });
  for (const timer of timers) clearTimeout(timer);
  expect(failure?.kind).toBe('escape');
  expect(failure?.message).toContain('left 100 real timers');
  expect(failure?.details).toHaveLength(1);
});
