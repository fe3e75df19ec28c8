import { describe, expect, test } from 'vitest';
import { randomStrategy } from '../../../src/explore/strategies/random-strategy.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import type { Strategy } from '../../../src/explore/strategies/strategy.ts';
import { walkStrategy } from '../../../src/explore/strategies/walk-strategy.ts';
import { exploreAll } from '../executions-to-find.ts';
import { postChain, toy } from '../toy-bugs.ts';

/** 7! / (2! 2! 3!) */
const INTERLEAVINGS = 210;
const EXECUTIONS = 60 * INTERLEAVINGS;

/** How far the interleavings of three chains are from equally frequent; of 209 degrees of freedom, so 209 on average if they are. */
async function chiSquare(strategy: Strategy, follow: (sim: Simulation) => void = () => {}): Promise<number> {
  const counts = new Map<string, number>();
  const scenario = toy('three-chains', (sim) => {
    let order = '';
    const after = (name: string): void => {
      order += name;
      if (name === 'a') follow(sim);
      if (order.length === 7) counts.set(order, (counts.get(order) ?? 0) + 1);
    };
    postChain(sim, 'a/1', 2, () => after('a'));
    postChain(sim, 'b/2', 2, () => after('b'));
    postChain(sim, 'c/3', 3, () => after('c'));
  });
  await exploreAll(scenario, strategy, EXECUTIONS);
  const expected = EXECUTIONS / INTERLEAVINGS;
  const missing = (INTERLEAVINGS - counts.size) * expected;
  return [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, missing);
}

describe('the uniform random walk', () => {
  // With one chance in a thousand more than 278.
  test('draws the interleavings of three chains uniformly, which a random walk does not', async () => {
    expect(await chiSquare(walkStrategy(1))).toBeLessThan(278);
    expect(await chiSquare(randomStrategy(1))).toBeGreaterThan(3000);
  });

  test('does not count what follows at a later time', async () => {
    const later = ({ world }: Simulation): void => {
      for (let i = 1; i <= 5; i += 1) world.clock.timer(`later/${i}`, 0.5, () => {});
    };
    expect(await chiSquare(walkStrategy(2), later)).toBeLessThan(278);
  });

  test('does not count what follows at the end of the instant', async () => {
    const atEnd = ({ world: { clock } }: Simulation): void => {
      clock.endOfInstant('end', 0, () => {
        for (let i = 1; i <= 5; i += 1) clock.post(`after/${i}`, () => {});
      });
    };
    expect(await chiSquare(walkStrategy(2), atEnd)).toBeLessThan(278);
  });
});
