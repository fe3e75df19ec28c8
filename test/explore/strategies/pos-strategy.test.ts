import { describe, expect, test } from 'vitest';
import { posStrategy } from '../../../src/explore/strategies/pos-strategy.ts';
import type { Label } from '../../../src/kernel/question.ts';
import { exploreAll } from '../executions-to-find.ts';
import { postChain, toy } from '../toy-bugs.ts';

const EXECUTIONS = 4000;
const LENGTH = 7;

/** How often a lone event comes after all of a chain. */
async function lastShare(lone: Label): Promise<number> {
  const scenario = toy('lone-last', (sim) => {
    let done = 0;
    postChain(sim, 'chain/1', LENGTH, (step) => (done = step));
    sim.world.clock.post(lone, () => sim.check(done < LENGTH, 'the lone event came last'));
  });
  const { failures } = await exploreAll(scenario, posStrategy(5), EXECUTIONS);
  return failures / EXECUTIONS;
}

describe('POS', () => {
  test('keeps the priority of what does not race, so that it comes last as often as anywhere else', async () => {
    // The lowest of eight priorities that are drawn once each.
    const share = await lastShare({ subject: 'lone/2', what: 'comes' });
    expect(share).toBeGreaterThan(0.8 / (LENGTH + 1));
    expect(share).toBeLessThan(1.2 / (LENGTH + 1));
  });

  test.each([
    ['has the same subject', { owner: 'nobody', what: 'abort', subject: 'chain/1' }],
    ['names no subject', 'tick'],
  ] as const)('draws again for an event that lost a race, which is one that %s', async (_what, lone) => {
    // Seven races, each lost with one half.
    const share = await lastShare(lone);
    expect(share).toBeGreaterThan(0.4 / 2 ** LENGTH);
    expect(share).toBeLessThan(2 / 2 ** LENGTH);
  });

  test('reaches every order of four events about equally often', async () => {
    const counts = new Map<string, number>();
    const scenario = toy('orders', (sim) => {
      let order = '';
      for (const name of 'abcd') {
        sim.world.clock.post({ subject: name, what: 'comes' }, () => (order += name));
      }
      sim.world.clock.timer('look', 0.5, () => counts.set(order, (counts.get(order) ?? 0) + 1));
    });
    await exploreAll(scenario, posStrategy(1), 2400);
    expect(counts.size).toBe(24);
    expect(Math.min(...counts.values())).toBeGreaterThan(60);
    expect(Math.max(...counts.values())).toBeLessThan(150);
  });
});
