import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changePlaces, LengthEstimate, pctStrategy } from '../../../src/explore/strategies/pct-strategy.ts';
import { DrawStream } from '../../../src/explore/strategies/draw-stream.ts';
import { randomStrategy } from '../../../src/explore/strategies/random-strategy.ts';
import type { Strategy } from '../../../src/explore/strategies/strategy.ts';
import type { ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import { exploreAll } from '../executions-to-find.ts';
import { narrowGap, postChain, toy } from '../toy-bugs.ts';

const EXECUTIONS = 4000;

async function share(scenario: ScenarioDefinition, strategy: Strategy): Promise<number> {
  const { failures } = await exploreAll(scenario, strategy, EXECUTIONS);
  return failures / EXECUTIONS;
}

describe('PCT', () => {
  test('finds an ordering of depth 2 among 20 events as often as promised, and random hardly ever does', async () => {
    const scenario = narrowGap(19, 10);
    // Two chains, and at most 19 decisions between them.
    const promised = 1 / (2 * 19);
    expect(await share(scenario, pctStrategy(1, { depth: 2 }))).toBeGreaterThan(0.8 * promised);
    expect(await share(scenario, randomStrategy(1))).toBeLessThan(promised / 10);
  });

  test('finds an ordering of depth 1 with one chain against many', async () => {
    const scenario = toy('last-of-five', (sim) => {
      let others = 0;
      for (const name of ['a/1', 'b/2', 'c/3', 'd/4']) postChain(sim, name, 5, () => (others += 1));
      sim.world.clock.post('e/5', () => sim.check(others < 20, 'the fifth came last'));
    });
    expect(await share(scenario, pctStrategy(1, { depth: 1 }))).toBeGreaterThan(0.8 / 5);
    expect(await share(scenario, randomStrategy(1))).toBeLessThan(0.01);
  });

  test('continues one chain to its end when nothing is to be changed', async () => {
    const orders = new Set<string>();
    const scenario = toy('whole-chains', (sim) => {
      let order = '';
      for (const name of ['a', 'b', 'c']) postChain(sim, `${name}/1`, 4, () => (order += name));
      sim.world.clock.timer('look', 0.5, () => orders.add(order));
    });
    await exploreAll(scenario, pctStrategy(1, { depth: 1 }), 200);
    const whole = ['abc', 'acb', 'bac', 'bca', 'cab', 'cba'].map((order) =>
      [...order].map((name) => name.repeat(4)).join(''),
    );
    expect([...orders].sort()).toEqual(whole);
  });

  test.each([
    [{}, ['1', '13', '2', '3', '4', '6', '9']],
    [{ maxDepth: 3 }, ['1', '2', '3']],
    [{ minDepth: 4, maxDepth: 9 }, ['4', '6', '9']],
  ])('draws depths from 1 to 13, within %j, and says which', (options, expected) => {
    const depths = new Set<string | undefined>();
    const strategy = pctStrategy(1, options);
    for (let index = 0; index < 100; index += 1) {
      strategy.begin(index);
      depths.add(strategy.configuration?.split(';')[0]);
    }
    expect([...depths].map(String).sort()).toEqual(expected.map((depth) => `depth ${depth}`));
  });

  test('takes a depth, and refuses bounds with none between them', () => {
    const given = pctStrategy(1, { depth: 5 });
    given.begin(0);
    expect(given.configuration).toBe('depth 5; stratified');
    expect(pctStrategy(1, { depth: 1000 }).begin(0)).toBe(true);
    expect(() => pctStrategy(1, { depth: 1001 })).toThrow(
      /depth: expected an integer from 1 to 1000, got 1001/,
    );
    expect(() => pctStrategy(1, { minDepth: 5, maxDepth: 5 })).toThrow(/maxDepth: expected at least one of/);
  });
});

test('each change point has a place of its own while any is free', () => {
  const draws = new DrawStream('1', 'test');
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 30 }),
      (index, length, count) => {
        draws.restart(index);
        const places = changePlaces(draws, length, count);
        expect(places).toHaveLength(count);
        expect(new Set(places).size).toBe(Math.min(count, length));
        expect(places.every((at) => at >= 1 && at <= length)).toBe(true);
      },
    ),
  );
});

test('an estimate of the length is the largest of late executions, and never below 1', () => {
  const estimate = new LengthEstimate();
  expect(estimate.value).toBeGreaterThan(1);
  estimate.learn(0);
  expect(estimate.value).toBe(1);
  estimate.learn(40);
  estimate.learn(7);
  expect(estimate.value).toBe(40);
  for (let i = 0; i < 64; i += 1) estimate.learn(7);
  expect(estimate.value).toBe(40);
  for (let i = 0; i < 64; i += 1) estimate.learn(7);
  expect(estimate.value).toBe(7);
});
