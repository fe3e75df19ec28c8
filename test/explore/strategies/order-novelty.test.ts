import { expect, test } from 'vitest';
import { OrderNovelty } from '../../../src/explore/strategies/order-novelty.ts';
import type { DueEvents } from '../../../src/kernel/decisions.ts';
import { topicOf } from '../../../src/kernel/question.ts';

/** Two events, the first of which was made `since` events before the second. */
function due(since = 1): DueEvents {
  const topics = ['step', 'stop'].map((what) => topicOf({ what, subject: 'task/7' }));
  return {
    count: 2,
    batch: 1,
    idOf: (k) => 1 + k * since,
    topicOf: (k) => topics[k] ?? topicOf(''),
    textOf: (k) => topics[k]?.text ?? '',
    causeOf: () => 0,
    countUpTo: () => 0,
  };
}

function rarityOf(novelty: OrderNovelty, execution: () => void): number {
  novelty.begin();
  execution();
  return novelty.rarity();
}

test('what every execution has is worth nothing, what none had before all, and the rarer the more', () => {
  const novelty = new OrderNovelty();
  const pair = (since: number) => (): void => {
    novelty.noteOrder(due(), 0);
    novelty.noteOrder(due(since), 0);
  };
  const usual = pair(1);
  for (let i = 0; i < 63; i += 1) rarityOf(novelty, usual);
  expect(rarityOf(novelty, usual)).toBe(0);
  const once = rarityOf(novelty, pair(1000));
  expect(once).toBeGreaterThan(0.98);
  const again = rarityOf(novelty, pair(1000));
  expect(again).toBeGreaterThan(0.9);
  expect(again).toBeLessThan(once);
});

test('an order is a pair of kinds of events, in that order', () => {
  const novelty = new OrderNovelty();
  const pair = (first: number, second: number) => (): void => {
    novelty.noteOrder(due(), first);
    novelty.noteOrder(due(), second);
  };
  for (let i = 0; i < 64; i += 1) rarityOf(novelty, pair(0, 1));
  expect(rarityOf(novelty, pair(0, 1))).toBe(0);
  expect(rarityOf(novelty, pair(0, 0))).toBeGreaterThan(0.98);
});

test('a declared state counts as an order does', () => {
  const novelty = new OrderNovelty();
  for (let i = 0; i < 64; i += 1) rarityOf(novelty, () => novelty.noteState('0'));
  expect(rarityOf(novelty, () => novelty.noteState('0'))).toBe(0);
  expect(rarityOf(novelty, () => novelty.noteState('1'))).toBeGreaterThan(0.98);
});
