// The times of an explanation after a stall of the event loop: when things happened, and not when they were due.
import { expect, test } from 'vitest';
import { ambientTime } from '../../../src/ambient/ambient-time.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { recordTimeline } from '../../../src/explore/timeline/timeline.ts';
import type { Decision } from '../../../src/kernel/decisions.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { choice, fault, order } from '../../questions.ts';

const STALL: Decision = { question: fault('time stall'), n: 2, answer: 1 };

/* eslint-disable no-restricted-globals -- plain code with ambient timers is what the test is about */

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** A scenario under time that stalls for a second, as answered. */
const stalled = (run: (sim: Simulation) => Promise<void>) =>
  createExecutor(
    defineScenario({
      name: 'stalled',
      description: 'fails',
      options: { ambient: ambientTime({ faults: { stall: { oneIn: 2, stallMs: [1000] } } }) },
      run,
    }),
  );

/** The first timer stalls; two others are due together in the meantime, and what comes of them is decided later. */
const race = stalled(async (sim) => {
  const done: string[] = [];
  setTimeout(() => sim.note('first'), 5);
  for (const name of ['a', 'b']) void sim.sleep(20, name).then(() => done.push(name));
  await pause(30);
  sim.pick('mode', ['bold', 'shy']);
  sim.check(done[0] === 'a', 'b came before a');
});
const RACE: readonly Decision[] = [
  STALL,
  { question: order('a'), n: 2, answer: 1 },
  { question: choice('mode'), n: 2, answer: 1 },
];

test('a history says when things happened, in that order', async () => {
  const { history } = await explain(race, RACE);
  expect(history.map(({ atMs, text }) => `${atMs} ${text}`)).toEqual([
    '5 the event loop stalls for 1000 ms',
    '1005 note: first',
    '1005 "b" comes before "a", due at the same time',
    '1005 "a" fires',
    '1005 "mode" is shy',
    '1005 b came before a',
  ]);
});

test('an order that would have held says when the events fired', async () => {
  const { nearestPass } = await explain(race, RACE);
  expect(nearestPass?.text).toBe('If "a" had come before "b" at 1005 ms, nothing would have failed.');
});

test('a deadlock says when the last events fired, and which were due together then', async () => {
  const { details } = await explain(
    stalled(async (sim) => {
      setTimeout(() => undefined, 5);
      for (const name of ['a', 'b']) void sim.sleep(20, name);
      await new Promise<never>(() => {});
    }),
    [STALL],
  );
  const texts = details.map(({ text }) => text);
  expect(texts).toContain('due together at 1005 ms: first "a", then "b" fired');
  expect(texts.slice(-2)).toEqual(['"a" fired at 1005 ms', '"b" fired at 1005 ms']);
});

test('a deadlock says when its last steps were taken', async () => {
  const { details } = await explain(
    stalled(async (sim) => {
      setTimeout(() => void sim.world.choices.choose(fault('late'), 2), 5);
      await new Promise<never>(() => {});
    }),
    [STALL],
  );
  expect(details.at(-1)?.text).toBe('1005 ms: "late" was requested');
});

test('a cause says when a late event set something', async () => {
  const { history } = await explain(
    stalled(async (sim) => {
      setTimeout(() => undefined, 5);
      void sim.sleep(20, 'a').then(() => setTimeout(() => sim.note('last'), 7));
      await sim.sleep(2000, 'end');
      sim.check(false, 'it fails');
    }),
    [STALL],
  );
  expect(history.find(({ text }) => text === 'note: last')?.because).toMatch(/, set at 1005 ms$/);
});

test('a timeline draws things when they happened', async () => {
  const { traceEvents } = await recordTimeline(race, RACE);
  const drawn = traceEvents.flatMap(({ cat, name, ts = 0 }) =>
    cat === 'decision' || cat === 'event'
      ? [`${Math.floor(ts / 1000)} ${name.replace(/ set (?:in|by) .*/, '')}`]
      : [],
  );
  expect(drawn).toEqual([
    '5 the timer',
    '5 the event loop stalls for 1000 ms',
    '1005 "b"',
    '1005 "a"',
    '1005 the timer',
    '1005 "b" comes before "a", due at the same time',
    '1005 "mode" is shy',
  ]);
});

test('a timeline draws the calls that a late event makes when they are made', async () => {
  const calling = stalled(async (sim) => {
    const runner = createFakeRunner(sim.world, { name: 'worker' });
    setTimeout(() => {
      sim.note('first');
      void runner.statusAll();
    }, 5);
    await pause(30);
    await runner.release();
    sim.check(false, 'it fails');
  });
  const { traceEvents } = await recordTimeline(calling, [STALL]);
  const calls = traceEvents.flatMap(({ name, ts = 0 }) =>
    /^(?:statusAll|release)/.test(name) ? [`${Math.floor(ts / 1000)} ${name}`] : [],
  );
  expect(calls).toEqual(['1005 statusAll on worker', '1005 release on worker']);
});
