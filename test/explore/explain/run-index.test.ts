/** What the parts of an explanation share. */
import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { observe } from '../../../src/explore/explain/observed-run.ts';
import { RunIndex } from '../../../src/explore/explain/run-index.ts';
import { createNetwork } from '../../../src/cluster/network.ts';
import { candidatesOf } from '../../../src/explore/explain/candidates-of-run.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';

const CALLS = defineScenario({
  name: 'calls',
  description: 'a note, and a call that is answered',
  async run(sim) {
    const net = createNetwork(sim, { latencyMs: 1 });
    sim.note('one');
    const echo = net.through('n1', { echo: (value: number) => value });
    sim.check((await echo.echo(7)) === 8, 'no echo');
  },
});

const SCENARIO = defineScenario({
  name: 'two-sleeps',
  description: 'notes and sleeps',
  async run(sim) {
    sim.note('one');
    await sim.sleep(1);
    await sim.sleep(1);
  },
});

/** The values of the getters of an object. */
const lookUpsOf = (of: object): [string, unknown][] =>
  Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(of))).flatMap(
    ([name, { get }]): [string, unknown][] => (get === undefined ? [] : [[name, get.call(of)]]),
  );

test('builds each look-up of a run once, and each of theirs, however many parts of an explanation ask for it', async () => {
  const index = new RunIndex(await observe(createExecutor(SCENARIO), [], false));
  const first = lookUpsOf(index);
  expect(first.map(([name]) => name)).toContain('faults');
  expect(lookUpsOf(index.held).map(([name]) => name)).toContain('holding');
  for (const [at, [name, lookUp]] of lookUpsOf(index).entries()) {
    expect(lookUp, name).toBe(first[at]?.[1]);
    for (const [inner, [of, value]] of lookUpsOf(lookUp as object).entries()) {
      if (typeof value === 'object') expect(value, of).toBe(lookUpsOf(lookUp as object)[inner]?.[1]);
    }
  }
});

test('makes the words of an event once, for the lines of a history too', async () => {
  const run = await observe(createExecutor(CALLS), [], false);
  const index = new RunIndex(run);
  const candidates = candidatesOf(index, run.verdict.failure!).filter(({ role }) => role === 'event');
  const alone = new Map(run.events.map(({ event }) => [event, index.textOf(event)]));
  // Words that are made from now on are others.
  for (const { event } of run.events) Object.assign(event, { text: 'other', name: 'other', to: 'other' });
  for (const { event } of run.events) expect(index.textOf(event)).toBe(alone.get(event));
  const lines = candidates.map(({ event, textOf }) => [event as TraceEvent, textOf()] as const);
  const texts = lines.map(([event, text]) => (text === alone.get(event) ? 'alone' : text));
  expect(texts.filter((text) => text === 'alone').length).toBeGreaterThan(2);
  expect(texts.filter((text) => text.startsWith('other'))).toEqual([]);
  for (const { event } of run.events) Object.assign(event, { name: 'third', to: 'third' });
  expect(candidates.map(({ textOf }) => textOf())).toEqual(lines.map(([, text]) => text));
});

test('numbers the events of the clock in the order of firing, from 0', async () => {
  const index = new RunIndex(await observe(createExecutor(SCENARIO), [], false));
  expect([...index.order.values()]).toEqual([...index.run.firings.keys()].map((_, at) => at));
  expect([...index.order.keys()]).toEqual([...index.run.firings.keys()]);
});
